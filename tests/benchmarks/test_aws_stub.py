"""The stub's conditional writes are DynamoDB's: every test of them runs against moto too."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from benchmarks.aws_stub import AwsStub, running_stub

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "ledger"
THERE: dict[str, Any] = {"pk": {"S": "a"}, "owner": {"S": "me"}, "attempts": {"N": "9"}, "box": {"B": b"\x00\xff"}}
VALUES = {":me": {"S": "me"}, ":you": {"S": "you"}, ":nine": {"N": "9.0"}, ":ten": {"N": "10"}, ":text": {"S": "10"}}
NAMES = {"#owner": "owner"}


@pytest.fixture(scope="module")
def stub() -> Iterator[AwsStub]:
    with running_stub("a secret") as running:
        yield running


def client(service: Literal["dynamodb", "sqs", "secretsmanager"], endpoint: str | None = None) -> Any:
    account = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-west-1"}
    make: Any = boto3.client
    return make(service, endpoint_url=endpoint, **account)


@pytest.fixture(params=["stub", "moto"])
def dynamodb(request: pytest.FixtureRequest, stub: AwsStub) -> Iterator["DynamoDBClient"]:
    if request.param == "stub":
        made: DynamoDBClient = client("dynamodb", stub.url)
        made.put_item(TableName=TABLE, Item=THERE)
        yield made
        return
    with mock_aws():
        made = client("dynamodb")
        made.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        made.put_item(TableName=TABLE, Item=THERE)
        yield made


def item(dynamodb: "DynamoDBClient", key: str = "a") -> dict[str, Any]:
    return dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": key}}).get("Item", {})


def used(expressions: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return the names or values that occur: DynamoDB refuses those that do not."""
    return {name: value for name, value in known.items() if name in expressions}


def write_if(dynamodb: "DynamoDBClient", condition: str) -> bool:
    arguments: dict[str, Any] = {
        "ExpressionAttributeNames": used(condition, NAMES),
        "ExpressionAttributeValues": used(condition, VALUES),
    }
    try:
        dynamodb.put_item(
            TableName=TABLE,
            Item={"pk": {"S": "a"}, "new": {"S": "yes"}},
            ConditionExpression=condition,
            **{name: value for name, value in arguments.items() if value},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


@pytest.mark.parametrize(
    "condition",
    [
        "attribute_exists(pk)",
        "attribute_not_exists(lease_until)",
        "#owner = :me",
        "#owner <> :you",
        "attempts = :nine",
        "attempts < :ten",
        "attempts <= :nine",
        "attempts <> :text",
        ":ten > attempts",
        "NOT #owner = :you",
        "#owner = :you OR #owner = :me",
        "#owner = :me AND attempts < :ten",
        "#owner = :you OR #owner = :me AND attempts < :ten",
        "(#owner = :you OR #owner = :me) AND NOT (attempts > :ten)",
    ],
)
def test_a_write_whose_condition_holds_is_done(dynamodb: "DynamoDBClient", condition: str) -> None:
    assert write_if(dynamodb, condition)
    assert item(dynamodb) == {"pk": {"S": "a"}, "new": {"S": "yes"}}


@pytest.mark.parametrize(
    "condition",
    [
        "attribute_not_exists(pk)",
        "attribute_exists(lease_until)",
        "#owner = :you",
        "#owner <> :me",
        "attempts >= :ten",
        "nowhere = :me",
        "nowhere < :ten",
        "NOT #owner = :me",
        "#owner = :me AND attempts > :ten",
        "(#owner = :me OR #owner = :you) AND attempts > :ten",
    ],
)
def test_a_write_whose_condition_does_not_hold_changes_nothing(dynamodb: "DynamoDBClient", condition: str) -> None:
    assert not write_if(dynamodb, condition)
    assert item(dynamodb) == THERE


def test_values_of_two_types_have_no_order(stub: AwsStub) -> None:  # moto cannot say
    dynamodb: DynamoDBClient = client("dynamodb", stub.url)
    dynamodb.put_item(TableName=TABLE, Item=THERE)

    assert not write_if(dynamodb, "attempts < :text")
    assert not write_if(dynamodb, "attempts > :text")


def test_a_refused_write_shows_what_is_there_if_asked(dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(
            TableName=TABLE,
            Item={"pk": {"S": "a"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert refused.value.response.get("Item") == THERE


def test_an_update_sets_adds_and_removes(dynamodb: "DynamoDBClient") -> None:
    answer = dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET attempts = attempts + :one, first_seen = if_not_exists(first_seen, :now),"
        " phase = :open REMOVE #owner, nowhere ADD retries :one",
        ExpressionAttributeNames=NAMES,
        ExpressionAttributeValues={":one": {"N": "1"}, ":now": {"N": "1.50"}, ":open": {"S": "open"}},
        ReturnValues="ALL_NEW",
    )

    expected = {
        "pk": {"S": "a"},
        "attempts": {"N": "10"},
        "first_seen": {"N": "1.50"},
        "phase": {"S": "open"},
        "retries": {"N": "1"},
        "box": {"B": b"\x00\xff"},
    }
    assert answer["Attributes"] == expected
    assert item(dynamodb) == expected


def test_the_operands_of_an_update_are_those_of_before(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET attempts = attempts - :one, earlier = attempts",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )

    assert (item(dynamodb)["attempts"], item(dynamodb)["earlier"]) == ({"N": "8"}, {"N": "9"})


def test_an_update_of_nothing_makes_an_item(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "fresh"}},
        UpdateExpression="SET #owner = :me",
        ConditionExpression="attribute_not_exists(version)",
        ExpressionAttributeNames=NAMES,
        ExpressionAttributeValues={":me": {"S": "me"}},
    )

    assert item(dynamodb, "fresh") == {"pk": {"S": "fresh"}, "owner": {"S": "me"}}


@pytest.mark.parametrize(
    ("update", "condition"),
    [
        ("SET attempts = :one", "size(box) = :one"),
        ("SET attempts = :one", "attempts BETWEEN :one AND :one"),
        ("SET attempts = :one", "attempts = :absent"),
        ("SET attempts = :one", "#absent = :one"),
        ("SET attempts = :one", "attempts = :one :one"),
        ("SET attempts = nowhere + :one", "attempts <> :one"),
        ("DELETE attempts :one", "attempts <> :one"),
        ("SET attempts", "attempts <> :one"),
    ],
)
def test_what_the_stub_does_not_know_is_an_error_and_no_guess(stub: AwsStub, update: str, condition: str) -> None:
    dynamodb: DynamoDBClient = client("dynamodb", stub.url)
    dynamodb.put_item(TableName=TABLE, Item=THERE)

    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": "a"}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    assert item(dynamodb) == THERE


def test_an_operation_that_the_stub_does_not_know_is_an_error(stub: AwsStub) -> None:
    with pytest.raises(ClientError, match="UnknownOperationException"):
        client("dynamodb", stub.url).delete_item(TableName=TABLE, Key={"pk": {"S": "a"}})


def test_messages_are_taken_and_the_secret_is_told(stub: AwsStub) -> None:
    sqs = client("sqs", stub.url)
    url = stub.places["RESULTS_QUEUE_URL"]
    entries = [{"Id": str(number), "MessageBody": "{}"} for number in range(2)]
    waits = [{"Id": "0", "ReceiptHandle": "a", "VisibilityTimeout": 1}]

    taken = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    hidden = sqs.change_message_visibility_batch(QueueUrl=url, Entries=waits)["Successful"]
    secret = client("secretsmanager", stub.url).get_secret_value(SecretId=stub.places["CREDENTIALS_SECRET_ARN"])

    assert [entry["Id"] for entry in taken] == ["0", "1"]
    assert all(entry["MessageId"] for entry in taken)
    assert [entry["Id"] for entry in hidden] == ["0"]
    assert secret["SecretString"] == "a secret"


def test_calls_and_connections_are_counted() -> None:
    with running_stub("a secret") as stub:
        dynamodb, sqs = client("dynamodb", stub.url), client("sqs", stub.url)
        for _ in range(3):
            dynamodb.put_item(TableName=TABLE, Item=THERE)
        client("dynamodb", stub.url).put_item(TableName=TABLE, Item=THERE)
        sqs.send_message_batch(QueueUrl=stub.places["RESULTS_QUEUE_URL"], Entries=[{"Id": "0", "MessageBody": "{}"}])
        count = stub.count()

    assert [name for name, _size in count.calls] == ["PutItem"] * 4 + ["SendMessageBatch"]
    assert all(size > 50 for _name, size in count.calls)
    assert count.connections == {"DynamoDB": 2, "AmazonSQS": 1}
