"""The templates beside the connector's: a customer's key, the role for API Gateway's logs, the examples."""

from collections.abc import Callable
from functools import cache
from typing import Any

from samcli.yamlhelper import yaml_parse

from sandbox import REPOSITORY
from sandbox.template import translated_template
from tests.template.invariants.invariant import BOUNDARY, Built, Subject, Template, Wrongs, change, without

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:requests"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/customer"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/results"
LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:direct:live"
BOUNDED = {"PermissionsBoundaryArn": BOUNDARY}


def as_it_is(template: Template, **_parameters: str) -> Template:
    return template  # no SAM in it


def companion(
    path: str, translate: Callable[..., Template] = as_it_is, also: dict[str, str] | None = None, **parameters: str
) -> Subject:
    """Return a template of docs, built with these parameters, and once more with `also` beside them."""

    @cache
    def source() -> Template:
        parsed: Template = yaml_parse((REPOSITORY / "docs" / path).read_text())
        return parsed

    more = {"bounded": parameters | also} if also else {}
    return Subject(source, translate, {"as it is": parameters, **more}, name=path)


# The customer's key

CUSTOMER_KEY = companion("customer-key.yaml", StackName="links")
KEY = "Resources CustomerKey"
STATEMENTS = f"{KEY} Properties KeyPolicy Statement"
USE = ["kms:Decrypt", "kms:GenerateDataKey"]
OURS = "${AWS::Region}:${AWS::AccountId}"


@CUSTOMER_KEY.invariant(change(f"{KEY} Properties EnableKeyRotation", value=False), without(f"{KEY} DeletionPolicy"))
def the_kms_key_is_rotated_every_year_and_kept_when_its_stack_is_deleted(built: Built) -> Wrongs:
    key = built.resources["CustomerKey"]
    found = key["Properties"].get("EnableKeyRotation"), key.get("DeletionPolicy"), key.get("UpdateReplacePolicy")
    if found != (True, "Retain", "Retain"):
        yield f"CustomerKey: {found}"


@CUSTOMER_KEY.invariant(
    change(f"{STATEMENTS} 0 Principal", "*"),
    without(f"{STATEMENTS} 0"),  # then nobody could ever change the key
    without(f"{STATEMENTS} 1 Condition"),
    change(f"{STATEMENTS} 4 Principal Service", "logs.us-east-1.amazonaws.com"),
    change(f"{STATEMENTS} +", {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}),
)
def the_kms_key_may_be_used_only_by_the_account_and_the_services_acting_for_it(built: Built) -> Wrongs:
    of_a_rule = {"aws:SourceArn": f"arn:${{AWS::Partition}}:events:{OURS}:rule/*"}
    of_a_topic = {"aws:SourceArn": "arn:${AWS::Partition}:sns:*:${AWS::AccountId}:*"}
    of_a_log = {"kms:EncryptionContext:aws:logs:arn": f"arn:${{AWS::Partition}}:logs:{OURS}:log-group:/aws/*/links-*"}
    write_logs = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"]
    expected: list[tuple[dict[str, str], Any, Any]] = [
        ({"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}, "kms:*", None),
        ({"Service": "events.amazonaws.com"}, USE, {"ArnLikeIfExists": of_a_rule}),
        ({"Service": "sns.amazonaws.com"}, USE, {"ArnLike": of_a_topic}),
        ({"Service": "cloudwatch.amazonaws.com"}, USE, None),  # it does not tell KMS whose alarm it is
        (
            {"Service": "logs.${AWS::Region}.amazonaws.com"},
            [f"kms:{name}" for name in write_logs],
            {"ArnLike": of_a_log},
        ),
    ]
    found = [
        (statement["Principal"], statement["Action"], statement.get("Condition"))
        for statement in built.of_type("AWS::KMS::Key")["CustomerKey"]["KeyPolicy"]["Statement"]
    ]
    if found != expected:
        yield f"CustomerKey: {found}"


# Roles

LOGGING = companion("api-gateway-logging.yaml", also=BOUNDED)
RESULTS = companion(
    "examples/results.yaml", translated_template, BOUNDED | {"KmsKeyArn": KEY_ARN}, ResultsQueueUrl=QUEUE_URL
)
API = companion(
    "examples/link_to_api.yaml",
    also=BOUNDED | {"KmsKeyArn": KEY_ARN},
    System="zendesk",
    BaseUrl="https://example.zendesk.com",
    SecretName="zendesk",
    Configuration="tickets",
)
HAVE_ROLES = {
    LOGGING: "CloudWatchRole",
    companion("examples/schedule.yaml", also=BOUNDED, RequestsQueueArn=QUEUE, ParkedQueueArn=QUEUE): "SchedulerRole",
    companion("examples/workflow.yaml", also=BOUNDED, DirectInvocationArn=LAMBDA): "SurveyWorkflowRole",
    API: "ApiRole",
    RESULTS: "ConsumerRole",
}


def every_role_has_the_permissions_boundary_if_there_is_one(built: Built) -> Wrongs:
    given = built.parameters["PermissionsBoundaryArn"] or None
    for name, role in built.of_type("AWS::IAM::Role").items():
        if role.get("PermissionsBoundary") != given:
            yield f"{name}: {role.get('PermissionsBoundary')}"


EVERY_BOUNDARY = [
    subject.invariant(without(f"Resources {role} Properties PermissionsBoundary"))(
        every_role_has_the_permissions_boundary_if_there_is_one
    )
    for subject, role in HAVE_ROLES.items()
]


MAY = "Resources ConsumerRole Properties Policies 0 PolicyDocument Statement"
BUS = f"arn:${{AWS::Partition}}:events:{OURS}:event-bus/default"


@LOGGING.invariant(
    without("Resources CloudWatchRole DeletionPolicy"),
    change("Resources CloudWatchRole Properties AssumeRolePolicyDocument Statement 0 Principal", "*"),
    change("Resources CloudWatchRole Properties ManagedPolicyArns 0", "arn:aws:iam::aws:policy/AdministratorAccess"),
    without("Resources Account"),
)
def only_api_gateway_may_assume_the_logging_role_which_is_kept(built: Built) -> Wrongs:
    role = built.resources["CloudWatchRole"]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    found = (role.get("DeletionPolicy"), statement["Principal"], role["Properties"]["ManagedPolicyArns"])
    writes_logs = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    if found != ("Retain", {"Service": "apigateway.amazonaws.com"}, [writes_logs]):
        yield f"CloudWatchRole: {found}"
    if built.of_type("AWS::ApiGateway::Account") != {"Account": {"CloudWatchRoleArn": "${CloudWatchRole.Arn}"}}:
        yield "Account: it does not get the role"


@RESULTS.invariant(
    without("Resources ConsumerFunction Properties Role"),  # then SAM makes one, which may read every queue
    change(f"{MAY} 0 Resource", "*"),
    change(f"{MAY} 2 Action +", "dynamodb:Scan"),
    without(f"{MAY} 4"),
    without("Resources ConsumerFunction Properties Events Results Properties ScalingConfig"),
)
def the_consumer_may_take_results_put_events_and_use_the_key_if_there_is_one(built: Built) -> Wrongs:
    role = built.resources["ConsumerRole"]["Properties"]
    [policy] = role["Policies"]
    found = [(statement["Action"], statement["Resource"]) for statement in policy["PolicyDocument"]["Statement"]]
    key = built.parameters["KmsKeyArn"]
    expected: list[tuple[Any, str]] = [
        (
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            f"arn:${{AWS::Partition}}:sqs:{OURS}:results",
        ),
        ("events:PutEvents", BUS),
        (["dynamodb:GetItem", "dynamodb:PutItem"], "${SentResults.Arn}"),
        (["logs:CreateLogStream", "logs:PutLogEvents"], "${ConsumerLogGroup.Arn}"),
        *([("kms:Decrypt", key)] if key else []),
    ]
    if found != expected:
        yield f"ConsumerRole: {found}"
    if list(built.of_type("AWS::IAM::Role")) != ["ConsumerRole"] or "ManagedPolicyArns" in role:
        yield "there is more than this policy"
    [poller] = built.of_type("AWS::Lambda::EventSourceMapping").values()
    if poller.get("ScalingConfig") != {"MaximumConcurrency": 2}:
        yield f"ConsumerFunction: a backlog may take all executions of the account: {poller}"


@RESULTS.invariant(
    without("Resources Archive"),
    without("Resources ConsumerFunction DependsOn"),
    change("Resources Archive Properties RetentionDays", 7),
    change("Resources Archive Properties EventPattern detail-type", ["Personal Link Created"]),
)
def every_event_can_be_replayed_for_as_long_as_it_is_not_sent_again(built: Built) -> Wrongs:
    statuses = ("Created", "Rejected", "Unknown")
    pattern = {"source": ["personal-link"], "detail-type": [f"Personal Link {status}" for status in statuses]}
    archive = {"SourceArn": BUS, "EventPattern": pattern, "RetentionDays": 30}
    consumer = built.resources["ConsumerFunction"]
    code = consumer["Properties"]["Code"]["ZipFile"]
    if "Archive" not in consumer.get("DependsOn", []):
        yield "ConsumerFunction: it may put events before the archive is there"
    if built.of_type("AWS::Events::Archive") != {"Archive": archive} or "REMEMBERED = 30 * 86_400" not in code:
        yield f"Archive: {built.of_type('AWS::Events::Archive')}"


# Rules of the examples

NO_PLAIN_HTTP = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:*",
    "Resource": "${UndeliveredEvents.Arn}",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}

HAVE_RULES = {
    companion("examples/order.yaml", RequestsQueueArn=QUEUE): "OrderPaidRule",
    companion("examples/s3.yaml", RequestsQueueArn=QUEUE): "DeliveredRule",
    **{
        companion(f"examples/{name}.yaml", RequestsQueueArn=QUEUE, EventBusName="aws.partner/x"): rule
        for name, rule in {
            "salesforce": "CaseClosedRule",
            "shopify": "OrderFulfilledRule",
            "stripe": "CheckoutCompletedRule",
            "woocommerce": "OrderCompletedRule",
        }.items()
    },
}


def events_that_a_rule_cannot_deliver_go_to_a_dead_letter_queue(built: Built) -> Wrongs:
    """It goes to a queue of the example, since the parked queue takes nothing from another rule."""
    [(name, rule)] = built.of_type("AWS::Events::Rule").items()
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "${UndeliveredEvents.Arn}",
        "Condition": {"ArnEquals": {"aws:SourceArn": f"${{{name}.Arn}}"}},
    }
    policy = built.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]
    if [target.get("DeadLetterConfig") for target in rule["Targets"]] != [{"Arn": "${UndeliveredEvents.Arn}"}]:
        yield f"{name}: {rule['Targets']}"
    if policy["Queues"] != ["${UndeliveredEvents}"] or policy["PolicyDocument"]["Statement"] != [
        allowed,
        NO_PLAIN_HTTP,
    ]:
        yield f"UndeliveredEventsPolicy: {policy}"
    if built.outputs["SenderArn"]["Value"] != f"${{{name}.Arn}}":
        yield f"SenderArn: {built.outputs['SenderArn']}"


EVERY_RULE = [
    subject.invariant(
        without(f"Resources {rule} Properties Targets 0 DeadLetterConfig"),
        without("Resources UndeliveredEventsPolicy Properties PolicyDocument Statement 0 Condition"),
        without("Resources UndeliveredEventsPolicy Properties PolicyDocument Statement 1"),
    )(events_that_a_rule_cannot_deliver_go_to_a_dead_letter_queue)
    for subject, rule in HAVE_RULES.items()
]


@API.invariant(
    without("Resources LinkCreatedRule Properties Targets 0 DeadLetterConfig"),
    without("Resources LinkCreatedRule Properties Targets 0 RetryPolicy"),
    change("Resources LinkCreatedRule Properties EventPattern detail reference", [{"exists": True}]),
    without("Resources NoIdRule"),
    without("Resources UndeliveredEventsPolicy Properties PolicyDocument Statement 0 Condition"),
    change("Resources ApiRole Properties Policies 0 PolicyDocument Statement 0 Resource", "*"),
)
def a_link_gets_to_the_api_or_is_kept(built: Built) -> Wrongs:
    rules, queue = built.of_type("AWS::Events::Rule"), "${UndeliveredEvents.Arn}"
    patterns = [rule["EventPattern"]["detail"]["reference"] for rule in rules.values()]
    lead_elsewhere = ["*/*", "*?*", "*#*"]
    if patterns != [
        [{"anything-but": {"wildcard": lead_elsewhere}}],
        [{"exists": False}, *({"wildcard": one} for one in lead_elsewhere)],
    ]:
        yield f"the rules leave a reference out: {patterns}"
    a_day = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    for target in (target for rule in rules.values() for target in rule["Targets"] if target["Arn"] != queue):
        if (target.get("DeadLetterConfig"), target.get("RetryPolicy")) != ({"Arn": queue}, a_day):
            yield f"Api: {target}"
    statement = built.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]["PolicyDocument"]["Statement"][0]
    if statement.get("Condition") != {"ArnEquals": {"aws:SourceArn": [f"${{{name}.Arn}}" for name in rules]}}:
        yield f"UndeliveredEventsPolicy: {statement}"
    [role] = built.of_type("AWS::IAM::Role").values()
    [allowed] = role["Policies"][0]["PolicyDocument"]["Statement"]
    if (allowed["Action"], allowed["Resource"]) != ("events:InvokeApiDestination", "${Api.Arn}"):
        yield f"ApiRole: {allowed}"


@API.invariant(
    without("Resources UndeliveredEventsPolicy Properties PolicyDocument Statement 1"),
    without("Resources UndeliveredEvents Properties KmsMasterKeyId"),
    without("Resources UndeliveredEvents Properties SqsManagedSseEnabled"),
)
def the_queue_of_undelivered_links_refuses_plain_http_and_is_encrypted(built: Built) -> Wrongs:
    statements = built.of_type("AWS::SQS::QueuePolicy")["UndeliveredEventsPolicy"]["PolicyDocument"]["Statement"]
    if NO_PLAIN_HTTP not in statements:
        yield f"UndeliveredEventsPolicy: {statements}"
    queue, key = built.of_type("AWS::SQS::Queue")["UndeliveredEvents"], built.parameters["KmsKeyArn"]
    if (queue.get("KmsMasterKeyId"), queue.get("SqsManagedSseEnabled")) != ((key, None) if key else (None, True)):
        yield f"UndeliveredEvents: {queue}"
