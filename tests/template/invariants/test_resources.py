"""Resources whose every property matters: each is exactly as listed here in every mode, with no other of its kind."""

from typing import Any

import pytest

from tests.template.invariants.built import Built, source

DAY = 86_400
KINDS = {
    *("ApiGateway ApiKey", "ApiGateway Stage", "ApiGateway UsagePlan", "ApiGateway UsagePlanKey", "DynamoDB Table"),
    *("Events Rule", "Lambda EventSourceMapping", "Logs LogGroup", "SNS Subscription", "SNS Topic", "SNS TopicPolicy"),
    *("SQS Queue", "SQS QueuePolicy", "SecretsManager Secret", "WAFv2 WebACLAssociation"),
}
UNIMPORTANT = {"DeploymentId", "Description", "Enabled"}


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


# The name is that of tests/faults/matrix.md.
@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"{kind} is exactly as listed") for kind in sorted(KINDS)])
def test_the_template_keeps_its_invariants(built: Built, kind: str) -> None:
    listed = {**queues(built), **policies(built), **events(built), **storage(built), **http(built)}
    kinds = {name: one["Type"].removeprefix("AWS::").replace("::", " ") for name, one in built.resources.items()}
    found = {
        name: {key: value for key, value in properties.items() if key not in UNIMPORTANT}
        for name, properties in built.of_type(f"AWS::{kind.replace(' ', '::')}").items()
    }

    assert found == {name: one for name, one in listed.items() if kinds.get(name) == kind}
    assert listed.keys() <= kinds.keys()


def test_the_ledger_is_kept_when_its_stack_is_deleted(built: Built) -> None:
    ledger = built.resources["LedgerTable"]

    assert (ledger["DeletionPolicy"], ledger["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# What the figures above are for


def test_a_message_that_crashes_the_worker_is_parked_before_sqs_deletes_it(built: Built) -> None:
    # Once its retry window has ended, a receive parks a message unless the worker dies of it; then it is hidden for as
    # long as the visibility timeout. So all the receives there are may follow the window, at that pace.
    chosen = built.with_parameters(RetryWindowHours=built.allowed("RetryWindowHours")[-1])
    worker, queue = chosen.of_type("AWS::Lambda::Function")["QueueWorkerFunction"], queues(built)["RequestsQueue"]
    window = int(worker["Environment"]["Variables"]["RETRY_WINDOW_HOURS"]) * 3600
    longest = window + queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]

    assert longest < queue["MessageRetentionPeriod"]
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]


def test_the_ledger_keeps_items_longer_than_a_request_can_be_retried_parked_and_retried_again(built: Built) -> None:
    days, hours = built.allowed("LedgerDays")[0], built.allowed("RetryWindowHours")[-1]
    parked = queues(built)["ParkedQueue"]["MessageRetentionPeriod"]
    for function in built.with_parameters(LedgerDays=days).of_type("AWS::Lambda::Function").values():
        assert int(function["Environment"]["Variables"]["LEDGER_DAYS"]) * DAY > 2 * hours * 3600 + parked


def test_lambda_takes_every_value_that_maximum_concurrency_may_have() -> None:
    parameter = source()["Parameters"]["MaximumConcurrency"]

    assert (parameter["MinValue"], parameter["MaxValue"]) == (2, 1000)
