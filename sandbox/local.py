"""`make local`: run the demo, then keep the environment up, with a console page and commands to paste, until Ctrl-C."""

import argparse
import threading
from textwrap import dedent

from sandbox.console.controller import Controller
from sandbox.console.server import serving
from sandbox.demo import try_every_trigger
from sandbox.emulator import REGION, REPOSITORY, ROOT_KEY
from sandbox.environment import Environment, run, running_environment, say
from sandbox.metrics_feed import feeding_metrics
from sandbox.stack import STACK_NAME


def local() -> None:
    """Run the demo, then wait."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.local", description=__doc__)
    parser.add_argument("--port", type=int, help="the emulator's port (default: a free one)")
    parser.add_argument("--console-port", type=int, help="the console page's port (default: a free one)")
    arguments = parser.parse_args()
    with running_environment(arguments.port) as environment:
        try_every_trigger(environment)
        with serving(Controller(environment), arguments.console_port) as console, feeding_metrics(environment.stack):
            say(lines(environment, console))
            threading.Event().wait()


def lines(environment: Environment, console: str) -> str:
    """Return the console's address and the commands to paste."""
    stack, emulator, caller = environment.stack, environment.stack.emulator, environment.caller.credentials
    user = f"{caller.access_key}:{caller.secret_key}" if caller else ""
    return dedent(f"""
        Everything stays up until Ctrl-C. Send requests and cause faults in a browser:

            {console}

        The links above open there too. In another terminal:

        # the emulator, with the credentials of the emulated account's root
        cd {REPOSITORY}
        export AWS_ENDPOINT_URL={emulator.url} AWS_CA_BUNDLE={emulator.authority}
        export AWS_ACCESS_KEY_ID={ROOT_KEY} AWS_SECRET_ACCESS_KEY={ROOT_KEY} AWS_DEFAULT_REGION={REGION}

        # an HTTP call, signed by a user who may do nothing else
        curl --cacert {emulator.authority} \\
          --aws-sigv4 aws:amz:{REGION}:execute-api --user {user} \\
          -X PUT -H 'Content-Type: application/json' -d @events/http_put.json \\
          {stack.http_url}

        # an event, a message, and their results
        aws events put-events --endpoint-url {emulator.url} \\
          --entries file://events/eventbridge_checkout_completed.json
        aws sqs send-message --endpoint-url {emulator.url} \\
          --queue-url {stack.requests_queue_url} --message-body file://events/sqs_request.json
        aws sqs receive-message --endpoint-url {emulator.url} \\
          --queue-url {stack.results_queue_url} --max-number-of-messages 10
        aws logs filter-log-events --endpoint-url {emulator.url} \\
          --log-group-name /aws/lambda/{STACK_NAME}-queue-worker --query 'events[].message' --output text

        # the stack's health
        make operate ARGS="health {STACK_NAME}"

        # without the AWS CLI: every message on every queue, unread
        curl --cacert {emulator.authority} {emulator.url}/_ministack/sqs/messages
        """)


if __name__ == "__main__":
    run(local)
