"""Resources whose every property matters: each is exactly as listed here in every mode, with no other of its kind."""

from typing import Any

from tests.template.invariants.invariant import CONNECTOR, Built, Invariant, Wrongs, change, without

DAY = 86_400
KINDS = {
    *(
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
    ),
    *("AWS::DynamoDB::Table", "AWS::Events::Rule", "AWS::Lambda::EventSourceMapping", "AWS::Logs::LogGroup"),
    *("AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    *("AWS::SecretsManager::Secret", "AWS::WAFv2::WebACLAssociation"),
}
UNIMPORTANT = {"DeploymentId", "Description", "Enabled"}


def found(built: Built) -> dict[str, Any]:
    """Return the resources of these kinds by name, with what CloudFormation does with them beside their properties."""
    return {
        name: {
            **{key: value for key, value in item.get("Properties", {}).items() if key not in UNIMPORTANT},
            **(
                {"Kept": (item.get("DeletionPolicy"), item.get("UpdateReplacePolicy"))} if name == "LedgerTable" else {}
            ),
        }
        for name, item in built.resources.items()
        if item["Type"] in KINDS
    }


def expected(built: Built) -> dict[str, Any]:
    """Return the resources that a stack with these parameters has, by name."""
    return {
        **queues(built),
        **policies(built),
        **events(built),
        **storage(built),
        **http(built),
    }


def encrypted(built: Built, name: str, otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what encrypts a resource: the customer's key, if there is one."""
    key = built.parameters["KmsKeyArn"]
    return {name: key} if key else otherwise or {}


def queues(built: Built) -> dict[str, Any]:
    by_the_key = encrypted(built, "KmsMasterKeyId", {"SqsManagedSseEnabled": True})  # not both: SQS refuses it
    return {
        "RequestsQueue": {
            "VisibilityTimeout": 6 * 60,  # six times as long as the worker may run, as Lambda asks
            "MessageRetentionPeriod": 8 * DAY,
            # The retry window parks a request, and not the receive count: 1000 is the most there is.
            "RedrivePolicy": {"deadLetterTargetArn": "${ParkedQueue.Arn}", "maxReceiveCount": 1000},
            **by_the_key,
        },
        # It counts from the arrival on the requests queue, so it has to keep a message for longer.
        "ParkedQueue": {"MessageRetentionPeriod": 14 * DAY, **by_the_key},
        "ResultsQueue": {"MessageRetentionPeriod": 4 * DAY, **by_the_key},
        "QueueWorkerFunctionRequests": {  # no filter, since SQS deletes what it leaves out; and no waiting for a batch
            "EventSourceArn": "${RequestsQueue.Arn}",
            "FunctionName": "${QueueWorkerFunctionAliaslive}",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],  # else one failure brings the whole batch again
            "ScalingConfig": {"MaximumConcurrency": built.parameters["MaximumConcurrency"]},
        },
    }


def denials(queue: str) -> list[dict[str, Any]]:
    """Return what every queue refuses: plain http, other accounts, and services on their behalf."""
    everything = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": f"${{{queue}.Arn}}"}
    strangers = {
        "StringNotEquals": {"aws:PrincipalAccount": "${AWS::AccountId}"},
        "ArnNotLike": {"aws:SourceArn": "arn:${AWS::Partition}:*:*:${AWS::AccountId}:*"},
    }
    return [
        {**everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {**everything, "Condition": strangers},
    ]


def senders(queue: str, services: str | list[str], arns: str | list[str]) -> dict[str, Any]:
    """Return what lets services send on behalf of these rules and topics."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": "sqs:SendMessage",
        "Resource": f"${{{queue}.Arn}}",
        "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
    }


def policies(built: Built) -> dict[str, Any]:
    named = [one for one in built.parameters["SenderArns"].split(",") if one]
    the_rule = "events.amazonaws.com", "${PersonalLinkRequestedRule.Arn}"
    allowed = {
        "RequestsQueue": [
            senders("RequestsQueue", *the_rule),
            *([senders("RequestsQueue", ["events.amazonaws.com", "sns.amazonaws.com"], named)] if named else []),
        ],
        "ParkedQueue": [senders("ParkedQueue", *the_rule)],
        "ResultsQueue": [],
    }
    speaks = {"Action": "sns:Publish", "Resource": "${AlarmTopic}"}
    our_alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    of_the_topic = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            **speaks,
            "Condition": {"ArnLike": {"aws:SourceArn": our_alarms}},
        },
        {"Effect": "Deny", "Principal": "*", **speaks, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]
    return {
        "AlarmTopicPolicy": {"Topics": ["${AlarmTopic}"], "PolicyDocument": document(of_the_topic)},
        **{
            f"{queue}Policy": {"Queues": [f"${{{queue}}}"], "PolicyDocument": document([*statements, *denials(queue)])}
            for queue, statements in allowed.items()
        },
    }


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def events(built: Built) -> dict[str, Any]:
    given = {name: value.split(",") for name, value in built.parameters.items() if value}
    sources = {"source": given["EventSources"]} if "EventSources" in given else {}
    to_the_queue = {
        "Id": "RequestsQueue",
        "Arn": "${RequestsQueue.Arn}",  # whole: its id is the key of its request
        "RetryPolicy": {"MaximumEventAgeInSeconds": DAY, "MaximumRetryAttempts": 185},
        "DeadLetterConfig": {"Arn": "${ParkedQueue.Arn}"},
    }
    email = built.parameters["AlarmEmail"]
    told = {"TopicArn": "${AlarmTopic}", "Protocol": "email", "Endpoint": email}
    return {
        "PersonalLinkRequestedRule": {
            "EventBusName": built.parameters["EventBusName"],
            "EventPattern": {"detail-type": given["EventDetailType"], **sources},
            "Targets": [to_the_queue],
        },
        "AlarmTopic": encrypted(built, "KmsMasterKeyId"),  # no alarm could use a key of AWS's
        **({"AlarmSubscription": told} if email else {}),
    }


def storage(built: Built) -> dict[str, Any]:
    by_the_key = encrypted(built, "KmsKeyId")
    key = built.parameters["KmsKeyArn"]
    logs = {"HttpApiLogGroup": "/aws/lambda/${AWS::StackName}-http-api"}
    logs["QueueWorkerLogGroup"] = "/aws/lambda/${AWS::StackName}-queue-worker"
    logs["DirectInvocationLogGroup"] = "/aws/lambda/${AWS::StackName}-direct-invocation"
    if built.parameters["HttpAccessLogs"] == "true":
        logs["HttpAccessLogGroup"] = "/aws/apigateway/${AWS::StackName}-access"
    days = built.parameters["LogRetentionDays"]
    to_fill_in = {"SecretString": '{"client_id": "", "client_secret": ""}', **by_the_key}
    has_secret, shares = built.parameters["CredentialsSecretArn"], built.parameters["ShareAccessToken"] == "true"
    return {
        "LedgerTable": {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
            if key
            else {"SSEEnabled": False},
            "Kept": ("RetainExceptOnCreate", "Retain"),
        },
        **{group: {"LogGroupName": name, "RetentionInDays": days, **by_the_key} for group, name in logs.items()},
        **({} if has_secret else {"CredentialsSecret": to_fill_in}),
        **({"AccessTokenSecret": {"SecretString": "{}", **by_the_key}} if shares else {}),
    }


# Who called and how it ended. No address, path or header: they are personal, or a caller chooses them. A caller may
# choose the request id too, by a header, but not the extended one.
LOGGED = (
    '{"time":"$context.requestTimeEpoch","request_id":"$context.requestId", '
    '"extended_request_id":"$context.extendedRequestId","status":"$context.status", '
    '"refusal":"$context.error.responseType","resource":"$context.resourcePath", '
    '"account":"$context.identity.accountId","caller":"$context.identity.userArn", '
    '"api_key_id":"$context.identity.apiKeyId", "milliseconds":"$context.responseLatency",'
    '"bytes":"$context.responseLength"}'
)


def http(built: Built) -> dict[str, Any]:
    parameters, stage = built.parameters, "${PersonalLinkApiliveStage}"
    rate, burst = parameters["HttpRateLimit"], parameters["HttpBurstLimit"]
    api = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${PersonalLinkApi}"
    throttled = {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
    nothing_logged = {"LoggingLevel": "OFF", "DataTraceEnabled": False}  # of bodies and headers
    access_log = {"AccessLogSetting": {"DestinationArn": "${HttpAccessLogGroup.Arn}", "Format": LOGGED}}
    keys = {
        "HttpApiKey": {},  # AWS makes its value
        "HttpUsagePlan": {
            "ApiStages": [{"ApiId": "${PersonalLinkApi}", "Stage": stage}],
            "Throttle": {"RateLimit": rate, "BurstLimit": burst},
            "Quota": {"Limit": parameters["ApiKeyDailyQuota"], "Period": "DAY"},
        },
        "HttpUsagePlanKey": {"KeyId": "${HttpApiKey}", "KeyType": "API_KEY", "UsagePlanId": "${HttpUsagePlan}"},
    }
    web_acl = {"HttpWebAcl": {"WebACLArn": parameters["WebAclArn"], "ResourceArn": f"{api}/stages/{stage}"}}
    return {
        "PersonalLinkApiliveStage": {
            "RestApiId": "${PersonalLinkApi}",
            "StageName": "live",
            "TracingEnabled": parameters["Tracing"] == "Active",
            "MethodSettings": [throttled | nothing_logged],
            **(access_log if parameters["HttpAccessLogs"] == "true" else {}),
        },
        **(keys if parameters["HttpAuth"] == "API_KEY" else {}),
        **(web_acl if parameters["WebAclArn"] else {}),
    }


def exactly(kind: str) -> Invariant:
    """Make the invariant of a kind; its mutants are the template without one property, for each that a resource has."""

    def check(built: Built) -> Wrongs:
        of_kind = built.of_type(kind).keys()
        here, there = found(built), expected(built)
        for name in of_kind | {one for one in there if built.source["Resources"].get(one, {}).get("Type") == kind}:
            if here.get(name) != there.get(name):
                yield f"{name}: {here.get(name)}"

    check.__name__ = f"{kind.removeprefix('AWS::').replace('::', '_')}_is_exactly_as_listed"
    mutants = [
        without(f"Resources {name} Properties {property_}")
        for name, item in CONNECTOR.source()["Resources"].items()
        if item["Type"] == kind
        for property_ in item.get("Properties", {})
        if property_ not in UNIMPORTANT
    ]
    return CONNECTOR.invariant(*mutants, *OTHERS.get(kind, ()))(check)


# The two that SAM makes, and what a property less does not show.
API = "Resources PersonalLinkApi Properties"
SOURCE = "Resources QueueWorkerFunction Properties Events Requests Properties"
OTHERS = {
    "AWS::ApiGateway::Stage": (
        without(f"{API} MethodSettings"),
        change(f"{API} MethodSettings 0 DataTraceEnabled", value=True),
        without(f"{API} AccessLogSetting"),
        change(f"{API} TracingEnabled", value=True),
    ),
    "AWS::ApiGateway::ApiKey": (change("Resources HttpApiKey Properties Value", "the-key-of-all-callers-00000000"),),
    "AWS::DynamoDB::Table": (without("Resources LedgerTable DeletionPolicy"),),
    "AWS::Lambda::EventSourceMapping": (
        without(f"{SOURCE} FunctionResponseTypes"),
        change(f"{SOURCE} FilterCriteria", {"Filters": [{"Pattern": '{"body": {"record": [{"exists": true}]}}'}]}),
    ),
    "AWS::SQS::Queue": (change("Resources OneMoreQueue", {"Type": "AWS::SQS::Queue"}),),
    "AWS::SecretsManager::Secret": (without("Resources CredentialsSecret Condition"),),
}
EXACT = [exactly(kind) for kind in sorted(KINDS)]


# What the figures above are for


@CONNECTOR.invariant(
    change("Parameters RetryWindowHours MaxValue", 192),
    change("Resources QueueWorkerFunction Properties Environment Variables RETRY_WINDOW_HOURS", 200),
    change("Resources QueueWorkerFunction Properties Timeout", 61),
)
def a_message_that_crashes_the_worker_is_parked_before_sqs_deletes_it(built: Built) -> Wrongs:
    # Once its retry window has ended, a receive parks a message unless the worker dies of it; then it is hidden for as
    # long as the visibility timeout. So all the receives there are may follow the window, at that pace.
    chosen = built.with_parameters(RetryWindowHours=built.allowed("RetryWindowHours")[-1])
    worker, queue = chosen.of_type("AWS::Lambda::Function")["QueueWorkerFunction"], queues(built)["RequestsQueue"]
    window = int(worker["Environment"]["Variables"]["RETRY_WINDOW_HOURS"]) * 3600
    longest = window + queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    if longest >= queue["MessageRetentionPeriod"] or queue["VisibilityTimeout"] < 6 * worker["Timeout"]:
        yield f"RequestsQueue: {longest} s until the receive count ends a crash loop"


@CONNECTOR.invariant(
    change("Parameters LedgerDays MinValue", 20),
    change("Globals Function Environment Variables LEDGER_DAYS", 7),
)
def the_ledger_keeps_items_longer_than_a_request_can_be_retried_parked_and_retried_again(built: Built) -> Wrongs:
    days, hours = built.allowed("LedgerDays")[0], built.allowed("RetryWindowHours")[-1]
    parked = queues(built)["ParkedQueue"]["MessageRetentionPeriod"]
    for name, function in built.with_parameters(LedgerDays=days).of_type("AWS::Lambda::Function").items():
        remembered = int(function["Environment"]["Variables"]["LEDGER_DAYS"])
        if remembered * DAY <= 2 * hours * 3600 + parked:
            yield f"{name}: {remembered} days"


@CONNECTOR.invariant(
    change("Parameters MaximumConcurrency MinValue", 1),  # Lambda refuses less than 2
    change("Parameters HttpAccessLogs Default", "true"),  # a new account has no role for it: its first deployment fails
    change("Parameters DirectConcurrency Default", 5),  # a new account has 10, and 100 have to stay unreserved
)
def a_new_account_can_deploy_with_the_defaults(built: Built) -> Wrongs:
    defaults = {name: parameter["Default"] for name, parameter in built.template["Parameters"].items()}
    if (defaults["HttpAccessLogs"], defaults["DirectConcurrency"]) != ("false", 0):
        yield f"HttpAccessLogs, DirectConcurrency: {defaults}"
    if built.allowed("MaximumConcurrency") != [2, 1000]:
        yield f"MaximumConcurrency: {built.allowed('MaximumConcurrency')}"
