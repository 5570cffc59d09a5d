"""The templates beside the connector's: roles are bounded, and the rule of an example has its own dead-letter queue."""

from collections.abc import Callable
from functools import cache

from samcli.yamlhelper import yaml_parse

from sandbox.template import REPOSITORY, translated_template
from tests.template.invariants.built import Built
from tests.template.invariants.connector import BOUNDARY
from tests.template.invariants.customer_key import as_it_is
from tests.template.invariants.invariant import Subject, Template, Wrongs, change, without

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:requests"
LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:direct:live"


def companion(
    path: str, translate: Callable[..., Template] = as_it_is, *, has_roles: bool = True, **parameters: str
) -> Subject:
    @cache
    def source() -> Template:
        parsed: Template = yaml_parse((REPOSITORY / "docs" / path).read_text())
        return parsed

    bounded = {"bounded": {**parameters, "PermissionsBoundaryArn": BOUNDARY}} if has_roles else {}
    return Subject(source, translate, {"as it is": parameters, **bounded})


def unbounded_roles(built: Built) -> Wrongs:
    given = built.parameters["PermissionsBoundaryArn"] or None
    for name, role in built.of_type("AWS::IAM::Role").items():
        if role.get("PermissionsBoundary") != given:
            yield f"{name}: {role.get('PermissionsBoundary')}"


LOGGING = companion("api-gateway-logging.yaml")
SCHEDULE = companion("examples/schedule.yaml", RequestsQueueArn=QUEUE, ParkedQueueArn=QUEUE)
WORKFLOW = companion("examples/workflow.yaml", DirectInvocationArn=LAMBDA)
CONSUMER = companion(
    "examples/consumer/template.yaml",
    translated_template,
    ResultsQueueArn=QUEUE,
    WebhookUrl="https://example.com/links",
)
ORDER = companion("examples/order.yaml", has_roles=False, RequestsQueueArn=QUEUE)
S3 = companion("examples/s3.yaml", has_roles=False, RequestsQueueArn=QUEUE)
SALESFORCE, SHOPIFY, STRIPE, WOOCOMMERCE = (
    companion(f"examples/{name}.yaml", has_roles=False, RequestsQueueArn=QUEUE, EventBusName="aws.partner/x")
    for name in ("salesforce", "shopify", "stripe", "woocommerce")
)


@LOGGING.invariant(
    without("Resources CloudWatchRole Properties PermissionsBoundary"),
    change("Resources CloudWatchRole Properties PermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}),
)
def the_boundary_bounds_the_role_of_api_gateway(built: Built) -> Wrongs:
    yield from unbounded_roles(built)


@SCHEDULE.invariant(without("Resources SchedulerRole Properties PermissionsBoundary"))
def the_boundary_bounds_the_role_of_the_schedule(built: Built) -> Wrongs:
    yield from unbounded_roles(built)


@WORKFLOW.invariant(without("Resources SurveyWorkflowRole Properties PermissionsBoundary"))
def the_boundary_bounds_the_role_of_the_workflow(built: Built) -> Wrongs:
    yield from unbounded_roles(built)


@CONSUMER.invariant(without("Resources ConsumerFunction Properties PermissionsBoundary"))
def the_boundary_bounds_the_role_that_sam_makes_for_the_consumer(built: Built) -> Wrongs:
    yield from unbounded_roles(built)


@LOGGING.invariant(
    without("Resources CloudWatchRole DeletionPolicy"),
    change("Resources CloudWatchRole Properties AssumeRolePolicyDocument Statement 0 Principal", "*"),
    change("Resources CloudWatchRole Properties ManagedPolicyArns", []),
    change("Resources CloudWatchRole Properties ManagedPolicyArns 0", "arn:aws:iam::aws:policy/AdministratorAccess"),
    without("Resources Account"),
)
def api_gateway_alone_takes_the_role_to_write_logs_and_keeps_it(built: Built) -> Wrongs:
    role = built.resources["CloudWatchRole"]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    found = (role.get("DeletionPolicy"), statement["Principal"], role["Properties"]["ManagedPolicyArns"])
    if found != (
        "Retain",
        {"Service": "apigateway.amazonaws.com"},
        ["arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"],
    ):
        yield f"CloudWatchRole: {found}"
    if built.of_type("AWS::ApiGateway::Account") != {"Account": {"CloudWatchRoleArn": "${CloudWatchRole.Arn}"}}:
        yield "Account: it does not get the role"


def lost_events(built: Built) -> Wrongs:
    """A rule may not send to the parked queue: what it could not deliver goes to a queue that lets it in."""
    for name, rule in built.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if target.get("DeadLetterConfig") != {"Arn": "${UndeliveredEvents.Arn}"}:
                yield f"{name}: {target.get('DeadLetterConfig')}"
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "${UndeliveredEvents.Arn}",
            "Condition": {"ArnEquals": {"aws:SourceArn": f"${{{name}.Arn}}"}},
        }
        policy = built.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]
        if policy["Queues"] != ["${UndeliveredEvents}"] or policy["PolicyDocument"]["Statement"] != [allowed]:
            yield f"UndeliveredEventsPolicy: {policy}"
        if built.outputs["SenderArn"]["Value"] != f"${{{name}.Arn}}":
            yield f"SenderArn: {built.outputs['SenderArn']}"


POLICY = "Resources UndeliveredEventsPolicy Properties"


@ORDER.invariant(
    change("Resources OrderPaidRule Properties Targets 0 DeadLetterConfig Arn", QUEUE),
    without("Resources OrderPaidRule Properties Targets 0 DeadLetterConfig"),
    without(f"{POLICY} PolicyDocument Statement 0 Condition"),
    change(f"{POLICY} Queues", []),
)
def the_example_of_an_order_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)


@S3.invariant(change("Resources DeliveredRule Properties Targets 0 DeadLetterConfig Arn", QUEUE))
def the_example_of_s3_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)


@SALESFORCE.invariant(change("Resources CaseClosedRule Properties Targets 0 DeadLetterConfig Arn", QUEUE))
def the_example_of_salesforce_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)


@SHOPIFY.invariant(change("Resources OrderFulfilledRule Properties Targets 0 DeadLetterConfig Arn", QUEUE))
def the_example_of_shopify_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)


@STRIPE.invariant(change("Resources CheckoutCompletedRule Properties Targets 0 DeadLetterConfig Arn", QUEUE))
def the_example_of_stripe_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)


@WOOCOMMERCE.invariant(change("Resources OrderCompletedRule Properties Targets 0 DeadLetterConfig Arn", QUEUE))
def the_example_of_woocommerce_keeps_what_could_not_be_delivered(built: Built) -> Wrongs:
    yield from lost_events(built)
