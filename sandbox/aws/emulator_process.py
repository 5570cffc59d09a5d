"""The process of the AWS emulator. It ends with its standard input, so it never outlives its parent.

It kills its process group, with the workers of its Lambda functions, and deletes its folder. It also patches the
emulator where it differs from AWS.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import threading
import uuid
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core import iam_actions
from ministack.services import apigateway_v1, eventbridge, lambda_svc, sqs
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks
from samtranslator.translator import transform as sam

emulated_action = iam_actions.extract_iam_action
emulated_transforms = engine._apply_transforms
emulated_event = apigateway_v1._build_lambda_event_v1
emulated_request = eventbridge._build_api_destination_request
emulated_delivery = eventbridge._invoke_target
emulated_api_delivery = eventbridge._deliver_to_api_destination
emulated_call = eventbridge._api_destination_send_sync
emulated_conditions = engine._evaluate_conditions
emulated_execution = lambda_svc._execute_function_warm
emulated_check = provisioners._check_nested_stack_capabilities
functions_of_templates = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
emulated_creation = functions_of_templates["create"]
sam_transform = sam.transform


def action_as_on_aws(service: str, *request: Any) -> str | None:
    """Return the permission that a request needs. On AWS a batch needs the permission of a single message."""
    action: str | None = emulated_action(service, *request)
    return action.removesuffix("Batch") if action and service == "sqs" else action


def name_the_api_key(*request: Any, **named: Any) -> dict[str, Any]:
    """Build the event of an HTTP call with its API key id, which the emulator leaves out."""
    event: dict[str, Any] = emulated_event(*request, **named)
    value = {name.lower(): value for name, value in event["headers"].items()}.get("x-api-key")
    key = apigateway_v1._resolve_api_key(value)
    if key and not named.get("caller_identity"):
        event["requestContext"]["identity"]["apiKeyId"] = key["id"]
    return event


def deliver_as_on_aws(target: Any, event: Any, rule: Any, view: Any = None) -> None:
    """Deliver a rule's event to a queue only if its policy allows it; the emulator checks policies for topics only.

    Hand the call of an API destination its event and its dead-letter queue.
    """
    arn, by_rule = target["Arn"], rule.get("Arn", "")
    if ":sqs:" in arn and not lets_in(arn, by_rule):
        return
    if ":api-destination/" in arn:
        whole = (view or eventbridge._pattern_event_view(event)).event_with_detail()
        queue = target.get("DeadLetterConfig", {}).get("Arn", "")
        kept = {"Queue": queue if lets_in(queue, by_rule) else "", "Event": json.dumps(whole)}
        target = target | {"HttpParameters": target.get("HttpParameters", {}) | {"Kept": kept}}
    emulated_delivery(target, event, rule, view)


def lets_in(queue: str, rule: str) -> bool:
    """Tell whether a queue's policy lets a rule in; a schedule gets here too, with a role."""
    return ":rule/" not in rule or sqs.queue_policy_allows(queue, "events.amazonaws.com", rule, rule.split(":")[4])


def request_with_its_event(destination: Any, connection: Any, parameters: Any, payload: str) -> dict[str, Any]:
    """Build the request to an API destination, with what `keep_what_failed` needs."""
    request: dict[str, Any] = emulated_request(destination, connection, parameters, payload)
    return request | {"kept": parameters["Kept"]}


def note_the_status(request: dict[str, Any], headers: dict[str, str]) -> int:
    """Call an API destination, and note the status in the request."""
    request["status"] = emulated_call(request, headers)
    return int(request["status"])


def keep_what_failed(name: str, request: dict[str, Any], *connection: Any) -> None:
    """Call an API destination; after a failure send the event to the dead-letter queue, without the retries of AWS."""
    emulated_api_delivery(name, request, *connection)
    queue, event = request["kept"].values()
    if queue and not 200 <= request.get("status", 0) < 300:
        eventbridge._dispatch_to_sqs(eventbridge.parse_arn(queue), event)


def in_templates(resource: str, action: str, key: str = "Name") -> dict[str, Any]:
    """Return what creates and deletes a resource of EventBridge, which the emulator does not know in a template."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        name = f"{stack}-{logical_id}"
        request = {key: name} | properties
        if resource == "Archive":  # templates name and write these otherwise than the API
            request |= {"EventSourceArn": request["SourceArn"], "EventPattern": json.dumps(request["EventPattern"])}
        status, _headers, body = getattr(eventbridge, f"_create_{action}")(request)
        if status != 200:
            raise ValueError(f"{resource}: {body!r}")
        return name, {"Arn": json.loads(body)[f"{resource}Arn"]}

    def delete(name: str, _properties: dict[str, Any]) -> None:
        getattr(eventbridge, f"_delete_{action}")({key: name})

    return {"create": create, "delete": delete}


def fail_by_name(*invocation: Any) -> dict[str, Any]:
    """Run a function; return the class name of its error, which the emulator writes into its log only."""
    result: dict[str, Any] = emulated_execution(*invocation)
    if result.get("error") and result["body"]["errorType"] == "Runtime.HandlerError":
        raised = re.findall(r"^(?:\w+\.)*(\w+)(?:: .*)?$", result["log"], re.MULTILINE)
        result["body"]["errorType"] = raised[-1] if raised else "Runtime.HandlerError"
    return result


def create_whole(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    """Create a function with its dead-letter queue, which the emulator leaves out."""
    made = emulated_creation(logical_id, properties, stack)
    if "DeadLetterConfig" in properties:
        lambda_svc._functions[made[0]]["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]
    return made


def park_as_on_aws(queue: str, _function: str, event: object, result: dict[str, Any]) -> None:
    """Send the event and the error's text to a dead-letter queue, as Lambda does.

    The emulator would send the payload of an on-failure destination.
    """
    failure = result.get("body")
    text = str(failure.get("errorMessage", "")) if isinstance(failure, dict) else str(failure)
    attributes = {
        "RequestID": ("String", str(uuid.uuid4())),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", text),
    }
    sqs._act_send_message(
        {
            "QueueUrl": sqs._queue_by_arn(queue)["url"],
            "MessageBody": json.dumps(event),
            "MessageAttributes": {
                name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
            },
        },
        "",
    )


def transforms_as_on_aws(template: Any, provided: Any = None, previous: Any = None) -> Any:
    """Apply the transforms with the parameters; the emulator would give SAM only their defaults."""
    values = engine._transform_parameters(template, provided, previous)
    sam.transform = lambda source, _nothing, loader: sam_transform(source, values, loader)
    return emulated_transforms(template, provided, previous)


def expand_nested(parent: str, template: Any) -> None:
    """Apply the transforms of a nested stack's template, with its defaults; the emulator leaves them out."""
    emulated_check(parent, template)
    expanded = transforms_as_on_aws(template)
    template.clear()
    template.update(expanded)


def written_out(condition: Any, parameters: Any) -> Any:
    """Replace the text functions in a condition by their values."""
    match condition:
        case {"Fn::Join": [separator, {"Ref": name}]}:
            return separator.join(parameters[name]["Value"].split(","))
        case {"Fn::Select": [index, {"Fn::Split": [separator, {"Ref": name}]}]}:
            return parameters[name]["Value"].split(separator)[index]
        case dict():
            return {key: written_out(value, parameters) for key, value in condition.items()}
        case list():
            return [written_out(value, parameters) for value in condition]
    return condition


def conditions_as_on_aws(template: Any, parameters: Any) -> Any:
    """Evaluate conditions with the values of `Fn::Join` and `Fn::Split`, which the emulator does not evaluate."""
    conditions = written_out(template.get("Conditions", {}), parameters)
    return emulated_conditions({**template, "Conditions": conditions}, parameters)


def end_with_standard_input(folder: str) -> None:
    """Wait for the end of standard input, then delete the folder and kill the process group."""
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def run() -> None:
    """Serve the emulator. Its own `main` would open port 443 too."""
    iam_actions.extract_iam_action = action_as_on_aws
    functions_of_templates["create"] = create_whole
    apigateway_v1._build_lambda_event_v1 = name_the_api_key
    lambda_svc._route_async_failure = park_as_on_aws
    lambda_svc._execute_function_warm = fail_by_name
    eventbridge._invoke_target = deliver_as_on_aws
    eventbridge._build_api_destination_request = request_with_its_event
    eventbridge._api_destination_send_sync = note_the_status
    eventbridge._deliver_to_api_destination = keep_what_failed
    for resource, action in (("Connection", "connection"), ("ApiDestination", "api_destination")):
        provisioners._RESOURCE_HANDLERS[f"AWS::Events::{resource}"] = in_templates(resource, action)
    provisioners._RESOURCE_HANDLERS["AWS::Events::Archive"] = in_templates("Archive", "archive", "ArchiveName")
    provisioners._check_nested_stack_capabilities = expand_nested
    for module in (changesets, handlers):
        module._apply_transforms = transforms_as_on_aws
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = conditions_as_on_aws
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.certfile = os.environ["MINISTACK_SSL_CERT"]
    config.keyfile = os.environ["MINISTACK_SSL_KEY"]
    config.keep_alive_timeout = 75
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    if os.getpgrp() != os.getpid():
        sys.exit("this needs its own process group: start it with sandbox.emulator")
    threading.Thread(target=end_with_standard_input, args=(sys.argv[1],), daemon=True).start()
    run()
