"""What is kept: encrypted, for as long as told, and where."""

from typing import Any

from tests.template.invariants.built import Built
from tests.template.invariants.connector import CONNECTOR
from tests.template.invariants.functions import functions
from tests.template.invariants.invariant import Wrongs, change, without

TABLE = "Resources LedgerTable"


# Encryption


@CONNECTOR.invariant(
    without("Resources RequestsQueue Properties KmsMasterKeyId"),
    without("Resources ParkedQueue Properties KmsMasterKeyId"),
    change("Resources ResultsQueue Properties KmsMasterKeyId", "alias/aws/sqs"),
    without("Resources HttpApiLogGroup Properties KmsKeyId"),
    without("Resources HttpAccessLogGroup Properties KmsKeyId"),
    without("Resources CredentialsSecret Properties KmsKeyId"),
    without("Resources AccessTokenSecret Properties KmsKeyId"),
    without("Globals Function KmsKeyArn"),
    without(f"{TABLE} Properties SSESpecification"),
    without(f"{TABLE} Properties SSESpecification KMSMasterKeyId"),  # then it is a key of AWS
    change(f"{TABLE} Properties SSESpecification SSEEnabled", value=False),
    change("Conditions HasKmsKey", {"Fn::Equals": [{"Ref": "KmsKeyArn"}, "true"]}),
    change("Conditions HasKmsKey", {"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]}),
    change("Resources OneMoreQueue", {"Type": "AWS::SQS::Queue"}),
    without("Resources AlarmTopic Properties KmsMasterKeyId"),
    change("Resources AlarmTopic Properties KmsMasterKeyId", "alias/aws/sns"),  # no alarm could use it
)
def all_that_is_stored_is_encrypted_with_the_customers_key_if_there_is_one(built: Built) -> Wrongs:
    keys = {
        "AWS::DynamoDB::Table": "SSESpecification",
        "AWS::Lambda::Function": "KmsKeyArn",  # of the environment variables
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
    }
    key = built.parameters["KmsKeyArn"] or None
    for name, resource in built.resources.items():
        if resource["Type"] in keys:
            found = resource.get("Properties", {}).get(keys[resource["Type"]])
            of_table = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key} if key else {"SSEEnabled": False}
            if found != (of_table if resource["Type"] == "AWS::DynamoDB::Table" else key):
                yield f"{name}: {found}"


@CONNECTOR.invariant(
    change("Resources RequestsQueue Properties SqsManagedSseEnabled", value=False),
    without("Resources ParkedQueue Properties SqsManagedSseEnabled"),
    change("Resources ResultsQueue Properties SqsManagedSseEnabled", value=True),  # not both: SQS refuses it
)
def without_a_customers_key_the_queues_are_encrypted_with_the_one_of_sqs(built: Built) -> Wrongs:
    expected = None if built.parameters["KmsKeyArn"] else True
    for name, queue in built.of_type("AWS::SQS::Queue").items():
        if queue.get("SqsManagedSseEnabled") is not expected:
            yield f"{name}: {queue.get('SqsManagedSseEnabled')}"


# The ledger


@CONNECTOR.invariant(
    without(f"{TABLE} Properties TimeToLiveSpecification"),
    change(f"{TABLE} Properties TimeToLiveSpecification Enabled", value=False),
    change(f"{TABLE} Properties TimeToLiveSpecification AttributeName", "ttl"),  # not what ledger.py writes
    without(f"{TABLE} DeletionPolicy"),
    change(f"{TABLE} DeletionPolicy", "Delete"),
    without(f"{TABLE} UpdateReplacePolicy"),
    without(f"{TABLE} Properties BillingMode"),
    change(f"{TABLE} Properties BillingMode", "PROVISIONED"),
)
def the_ledger_forgets_and_outlives_the_stack_and_is_paid_by_use(built: Built) -> Wrongs:
    table = built.resources["LedgerTable"]
    kept = (table.get("DeletionPolicy"), table.get("UpdateReplacePolicy"))
    if kept != ("RetainExceptOnCreate", "Retain"):
        yield f"LedgerTable: {kept}"
    properties = table["Properties"]
    if properties.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True}:
        yield f"LedgerTable: {properties.get('TimeToLiveSpecification')}"
    if properties.get("BillingMode") != "PAY_PER_REQUEST":
        yield f"LedgerTable: {properties.get('BillingMode')}"


# Logs


@CONNECTOR.invariant(
    without("Resources HttpApiLogGroup Properties RetentionInDays"),
    change("Resources QueueWorkerLogGroup Properties RetentionInDays", 3653),
    without("Resources HttpAccessLogGroup Properties RetentionInDays"),
)
def every_log_is_kept_for_the_days_of_the_parameter(built: Built) -> Wrongs:
    for name, group in built.with_parameters(LogRetentionDays=7).of_type("AWS::Logs::LogGroup").items():
        if group.get("RetentionInDays") != "7":
            yield f"{name}: {group.get('RetentionInDays')}"


@CONNECTOR.invariant(
    without("Resources QueueWorkerFunction Properties LoggingConfig"),  # Lambda's own group keeps everything for ever
    change("Resources QueueWorkerFunction Properties LoggingConfig LogGroup", {"Ref": "HttpApiLogGroup"}),
    change("Resources HttpApiFunction Properties LoggingConfig LogGroup", "/aws/lambda/shared"),
)
def every_function_has_a_log_of_its_own(built: Built) -> Wrongs:
    groups: dict[Any, str] = {}
    for name, function in functions(built).items():
        group = function.get("LoggingConfig", {}).get("LogGroup")
        if group not in {f"${{{one}}}" for one in built.of_type("AWS::Logs::LogGroup")} or group in groups:
            yield f"{name}: {group}"
        groups[group] = name
