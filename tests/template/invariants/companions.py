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
    return Subject(source, translate, {"as it is": parameters, **bounded}, name=path)


def the_boundary_bounds_every_role(built: Built) -> Wrongs:
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


BOUNDED = [
    subject.invariant(without(f"Resources {role} Properties PermissionsBoundary"))(the_boundary_bounds_every_role)
    for subject, role in {
        LOGGING: "CloudWatchRole",
        SCHEDULE: "SchedulerRole",
        WORKFLOW: "SurveyWorkflowRole",
        CONSUMER: "ConsumerFunction",  # SAM makes its role
    }.items()
]


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


def what_a_rule_cannot_deliver_is_kept(built: Built) -> Wrongs:
    """It goes to a queue of the example, since the parked queue takes nothing from another rule."""
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
KEPT = [
    subject.invariant(
        change(f"Resources {rule} Properties Targets 0 DeadLetterConfig Arn", QUEUE),
        without(f"Resources {rule} Properties Targets 0 DeadLetterConfig"),
        without(f"{POLICY} PolicyDocument Statement 0 Condition"),
        change(f"{POLICY} Queues", []),
    )(what_a_rule_cannot_deliver_is_kept)
    for subject, rule in {
        ORDER: "OrderPaidRule",
        S3: "DeliveredRule",
        SALESFORCE: "CaseClosedRule",
        SHOPIFY: "OrderFulfilledRule",
        STRIPE: "CheckoutCompletedRule",
        WOOCOMMERCE: "OrderCompletedRule",
    }.items()
]
