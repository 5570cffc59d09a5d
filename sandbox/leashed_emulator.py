"""The AWS emulator on a leash: it runs until its standard input ends, that is until whoever started it is gone.

Its process group goes with it, the workers of its Lambda functions included, and so does the folder it was given.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core import iam_actions
from ministack.services.cloudformation import changesets, engine, handlers
from samtranslator.translator import transform as sam

emulated_action = iam_actions.extract_iam_action
emulated_transforms = engine._apply_transforms  # noqa: SLF001  # there is no other way in
sam_transform = sam.transform


def action_as_on_aws(service: str, *request: Any) -> str | None:
    """Return the permission that a request needs. A batch needs no other than a single message: AWS has none for it."""
    action: str | None = emulated_action(service, *request)
    return action.removesuffix("Batch") if action and service == "sqs" else action


def transforms_as_on_aws(template: Any, provided: Any = None, previous: Any = None) -> Any:
    """Apply the transforms to a template. On AWS, SAM knows the parameters; here it would see their defaults alone."""
    values = engine._transform_parameters(template, provided, previous)  # noqa: SLF001  # as above
    sam.transform = lambda source, _nothing, loader: sam_transform(source, values, loader)
    return emulated_transforms(template, provided, previous)


def end_with_the_leash(folder: str) -> None:
    """Wait for standard input to end, then leave nothing behind."""
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def run() -> None:
    """Serve the emulator; its own `main` would take port 443 as well."""
    iam_actions.extract_iam_action = action_as_on_aws
    for module in (changesets, handlers):
        module._apply_transforms = transforms_as_on_aws  # noqa: SLF001  # as above
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.certfile = os.environ["MINISTACK_SSL_CERT"]
    config.keyfile = os.environ["MINISTACK_SSL_KEY"]
    config.keep_alive_timeout = 75
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        sys.exit("this needs a process group of its own: start it with sandbox.emulator")
    threading.Thread(target=end_with_the_leash, args=(sys.argv[1],), daemon=True).start()
    run()
