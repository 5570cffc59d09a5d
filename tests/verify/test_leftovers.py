"""What a run deletes, also when AWS refuses a part of it, and what it leaves alone because it is not its own."""

from typing import Any

import pytest

from tests.verify.pretended_run import AnsweringAccount, empty_account, no_stack, refusal
from verify.account import KEY, Site

RUN = "personal-link-verify-1a2b3c4d"
KEY_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def account() -> AnsweringAccount:
    return empty_account()


@pytest.fixture
def site(account: AnsweringAccount) -> Site:
    return Site(account, RUN)


def add_key(account: AnsweringAccount, state: str = "Enabled") -> None:
    """Let the key's stack be there, unfinished and so without outputs, until it is deleted."""

    def describe(params: dict[str, Any]) -> dict[str, Any]:
        is_there = params.get("StackName") in {None, RUN + KEY} and not account.called("DeleteStack")
        stacks = [{"StackName": RUN + KEY, "StackStatus": "CREATE_FAILED"}]
        return {"Stacks": stacks} if is_there else no_stack(params)

    resource = {"LogicalResourceId": "CustomerKey", "ResourceType": "AWS::KMS::Key", "PhysicalResourceId": KEY_ID}
    account.answers.update(
        {
            "DescribeStacks": describe,
            "ListStackResources": {"StackResourceSummaries": [resource]},
            "DescribeKey": {"KeyMetadata": {"KeyState": state}},
        }
    )


def test_a_refused_deletion_keeps_nothing_else_from_being_deleted(account: AnsweringAccount, site: Site) -> None:
    group = f"/aws/lambda/{RUN}-http-api"
    account.answers.update(
        {
            "DescribeStacks": refusal("Throttling"),
            "ListTables": {"TableNames": [f"{RUN}-LedgerTable-X"]},
            "DescribeLogGroups": {"logGroups": [{"logGroupName": group}, {"logGroupName": f"{RUN}-other"}]},
            "DeleteLogGroup": refusal("AccessDeniedException", "with an explicit deny"),
            "ListBuckets": {"Buckets": [{"Name": RUN}]},
            "ListObjectsV2": {"Contents": [{"Key": "standin.zip"}]},
        }
    )

    failed = site.delete()

    assert [line.partition(": ")[0] for line in failed] == [RUN, f"{RUN}-vendor", f"{RUN}-key", group, f"{RUN}-other"]
    assert "explicit deny" in failed[3]
    assert account.called("DeleteTable") == [{"TableName": f"{RUN}-LedgerTable-X"}]
    assert account.called("DeleteObject") == [{"Bucket": RUN, "Key": "standin.zip"}]
    assert account.called("DeleteBucket") == [{"Bucket": RUN}]


def test_what_only_mentions_the_run_is_neither_deleted_nor_called_left(account: AnsweringAccount, site: Site) -> None:
    of_the_run = {"Key": "personal-link-verify", "Value": RUN}
    account.answers.update(
        {
            "ListBuckets": {"Buckets": [{"Name": f"audit-{RUN}-copy"}, {"Name": f"{RUN}-copy"}]},
            "ListTables": {"TableNames": [f"copy-of-{RUN}-LedgerTable-X", f"{RUN}0-LedgerTable-X"]},
            "DescribeLogGroups": {"logGroups": [{"logGroupName": f"/audit/{RUN}-http-api"}]},
            "ListSecrets": {
                "SecretList": [
                    {"Name": "mine", "Description": f"report about {RUN}"},
                    {"Name": f"{RUN}-copy", "Tags": [{"Key": "copy-of", "Value": RUN}]},
                ]
            },
        }
    )

    assert site.left(within=0) == []
    account.answers["ListSecrets"]["SecretList"].append({"Name": "CredentialsSecret-X", "Tags": [of_the_run]})
    assert site.left(within=0) == ["secretsmanager: CredentialsSecret-X"]
    assert site.delete() == []

    assert account.called("DeleteSecret") == [{"SecretId": "CredentialsSecret-X", "ForceDeleteWithoutRecovery": True}]
    assert {name for name, _params in account.calls if name.startswith("Delete")} == {"DeleteSecret"}


def test_the_key_of_an_unfinished_stack_is_deleted_before_its_stack(account: AnsweringAccount, site: Site) -> None:
    add_key(account)

    assert site.delete() == []

    assert account.called("ScheduleKeyDeletion") == [{"KeyId": KEY_ID, "PendingWindowInDays": 7}]
    assert account.called("DeleteStack") == [{"StackName": RUN + KEY}]
    assert site.left(within=0) == []


def test_a_key_that_cannot_be_deleted_is_left_and_can_be_found_again(account: AnsweringAccount, site: Site) -> None:
    add_key(account)
    account.answers["ScheduleKeyDeletion"] = refusal("AccessDeniedException")

    [failed] = site.delete()

    assert "ScheduleKeyDeletion" in failed
    assert account.called("DeleteStack") == []
    assert site.left(within=0) == [f"kms: {KEY_ID}", f"cloudformation: {RUN}{KEY}"]


@pytest.mark.parametrize(
    "described", [{"KeyMetadata": {"KeyState": "PendingDeletion"}}, refusal("NotFoundException")], ids=["soon", "gone"]
)
def test_a_second_deletion_gets_past_a_key_that_aws_deletes(
    described: dict[str, Any], account: AnsweringAccount, site: Site
) -> None:
    add_key(account)
    account.answers.update({"DescribeKey": described, "ScheduleKeyDeletion": refusal("KMSInvalidStateException")})

    assert site.delete() == []

    assert account.called("DeleteStack") == [{"StackName": RUN + KEY}]


def test_places_that_cannot_be_seen_are_left(account: AnsweringAccount, site: Site) -> None:
    account.answers.update({"DescribeStacks": refusal("ExpiredToken"), "ListTables": refusal("AccessDeniedException")})

    assert site.left(within=0) == [
        "kms: not seen, because ExpiredToken",
        "dynamodb: not seen, because you are not allowed ListTables",
        "cloudformation: not seen, because ExpiredToken",
    ]


def test_the_reason_of_a_failure_is_that_of_the_last_change(account: AnsweringAccount, site: Site) -> None:
    def event(name: str, status: str, reason: str) -> dict[str, str]:
        return {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": reason}

    account.answers["DescribeStackEvents"] = {
        "StackEvents": [
            event("Worker", "UPDATE_FAILED", "Resource update cancelled"),
            event("Queue", "UPDATE_FAILED", "a policy of yours"),
            event(RUN, "UPDATE_IN_PROGRESS", "User Initiated"),
            event("Topic", "UPDATE_FAILED", "long ago"),
        ]
    }

    assert site.why_failed() == "Queue: a policy of yours"
