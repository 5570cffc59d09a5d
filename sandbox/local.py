"""`make local`: run the demo, then keep the stack up until Ctrl-C, with a console page and `local.env` to source."""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from textwrap import dedent
from typing import Final

from sandbox import REPOSITORY
from sandbox.aws.emulator import BUILD, REGION, ROOT_KEY, SandboxError, require_free
from sandbox.aws.metrics_feed import feeding_metrics
from sandbox.aws.stack import STACK_NAME
from sandbox.console.controller import Controller
from sandbox.console.server import serving
from sandbox.demo import try_every_trigger
from sandbox.environment import Environment, run, running_environment, say

SETTINGS: Final = REPOSITORY / "local.env"
KEPT: Final = BUILD / "local"  # the certificate authority stays the same, so that programs can go on trusting it
_EVERY: Final = 1.0  # seconds


def local() -> None:
    """Run the demo, then wait."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.local", description=__doc__)
    parser.add_argument("--port", help="the emulator's port (default: a free one)")
    parser.add_argument("--console-port", help="the console page's port (default: a free one)")
    arguments = parser.parse_args()
    port, console_port = free(arguments.port, "PORT"), free(arguments.console_port, "CONSOLE_PORT")
    if port is not None and port == console_port:
        raise SandboxError(f"PORT and CONSOLE_PORT are both {port}: choose another one")
    with running_environment(port, KEPT) as environment:
        try_every_trigger(environment)
        with (
            serving(Controller(environment), console_port) as console,
            feeding_metrics(environment.stack),
            settings_in(SETTINGS, environment),
        ):
            say(lines(console))
            wait(environment)


def free(port: str | None, name: str) -> int | None:
    """Return a port that was asked for. Raises SandboxError if it is no port or taken."""
    if port is None:
        return None
    if not (port.isascii() and port.isdigit()):
        raise SandboxError(f"{name}={port} is no port: choose 1 to 65535")
    require_free(int(port), name)
    return int(port)


def wait(environment: Environment) -> None:
    """Wait for Ctrl-C. Say it if the emulator ends before; the console then says so, too."""
    emulator = environment.stack.emulator
    while not emulator.has_ended():
        time.sleep(_EVERY)
    try:
        emulator.require_alive()
    except SandboxError as error:
        say(f"\nerror: {error}\nCtrl-C ends the console.")
    threading.Event().wait()


@contextmanager
def settings_in(file: Path, environment: Environment) -> Iterator[None]:
    """Keep the settings of this environment in a file to source, during a `with` block."""
    file.touch(mode=0o600)
    file.write_text(settings(environment))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def settings(environment: Environment) -> str:
    """Return endpoint, certificate authority, keys, queues and the rest as lines of a shell."""
    stack, emulator, caller = environment.stack, environment.stack.emulator, environment.caller.credentials
    values = {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_CA_BUNDLE": str(emulator.authority),
        **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(emulator.authority)),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "STACK": STACK_NAME,
        "PERSONAL_LINK_URL": stack.http_url,
        "REQUESTS_QUEUE_URL": stack.requests_queue_url,
        "PARKED_QUEUE_URL": stack.parked_queue_url,
        "RESULTS_QUEUE_URL": stack.results_queue_url,
        "CREDENTIALS_SECRET_ARN": stack.credentials_secret_arn,
        "DIRECT_INVOCATION_ARN": stack.direct_invocation_arn,
        "EVENT_BUS_NAME": stack.event_bus_name,
        "CALLER": f"{caller.access_key}:{caller.secret_key}" if caller else "",
    }
    head = "# The emulated stack of `make local`, to source. The keys are the emulated account's root;\n"
    about = "# CALLER is a user who may only call PERSONAL_LINK_URL. Nothing here opens a real account.\n"
    return head + about + "".join(f"export {name}={quote(value)}\n" for name, value in values.items())


def lines(console: str) -> str:
    """Return the console's address and the commands to paste."""
    return dedent(f"""
        Everything stays up until Ctrl-C. Send requests and cause faults in a browser:

            {console}

        The links above open there too. In another terminal:

        cd {REPOSITORY}
        . ./local.env

        # an HTTP call, signed by a user who may do nothing else
        curl --aws-sigv4 aws:amz:$AWS_REGION:execute-api --user "$CALLER" \\
          -X PUT -H 'Content-Type: application/json' -d @events/http_put.json "$PERSONAL_LINK_URL"

        # an event, a message, and their results
        aws events put-events --entries file://events/eventbridge_checkout_completed.json
        aws sqs send-message --endpoint-url "$AWS_ENDPOINT_URL" --queue-url "$REQUESTS_QUEUE_URL" \\
          --message-body file://events/sqs_request.json
        aws sqs receive-message --endpoint-url "$AWS_ENDPOINT_URL" --queue-url "$RESULTS_QUEUE_URL" \\
          --max-number-of-messages 10
        aws logs filter-log-events --log-group-name /aws/lambda/{STACK_NAME}-queue-worker \\
          --query 'events[].[message]' --output text

        # the stack's health; the emulator's alarms ignore which function failed (docs/decisions/0018)
        make operate ARGS="health $STACK"

        # without the AWS CLI: the messages of all queues; none is taken away
        curl "$AWS_ENDPOINT_URL/_ministack/sqs/messages"
        """)


if __name__ == "__main__":
    run(local)
