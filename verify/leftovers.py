"""What AWS may keep of a run when its stacks are deleted: find it, and delete it."""

import re
from dataclasses import dataclass
from typing import Any, Final

TAG: Final = "personal-link-verify"  # of the stacks, which give it to what they hold; its value is the run's name


@dataclass(frozen=True)
class Place:
    """Where something may be left: service, operation, list in its answer, and the field with the name."""

    service: str
    operation: str
    items: str
    field: str

    def names(self, client: Any, run: str) -> list[str]:
        """Return the names of what is there of a run."""
        planned = {"IncludePlannedDeletion": True} if self.service == "secretsmanager" else {}
        paged = client.can_paginate(self.operation)
        pages = (
            client.get_paginator(self.operation).paginate(**planned) if paged else [getattr(client, self.operation)()]
        )
        found = [
            (str(one[self.field] if self.field else one), one) for page in pages for one in page.get(self.items, [])
        ]
        return [name for name, one in found if self._is_of(run, name, one)]

    def _is_of(self, run: str, name: str, one: Any) -> bool:
        """Tell whether something is of a run. Only what is not deleted here may just mention it."""
        match self.service:
            case "s3":
                return name == run
            case "dynamodb" | "logs":
                return re.sub("^/aws/(lambda|apigateway)/", "", name).startswith(f"{run}-")
            case "secretsmanager":  # CloudFormation leaves the stack's name out of theirs
                return {"Key": TAG, "Value": run} in one.get("Tags", [])
            case "cloudformation":
                return name == run or name.startswith(f"{run}-")
        return run in str(one)


DELETED: Final = (
    Place("s3", "list_buckets", "Buckets", "Name"),
    Place("dynamodb", "list_tables", "TableNames", ""),
    Place("logs", "describe_log_groups", "logGroups", "logGroupName"),
    Place("secretsmanager", "list_secrets", "SecretList", "Name"),
)
PLACES: Final = (
    *DELETED,
    Place("cloudformation", "describe_stacks", "Stacks", "StackName"),
    Place("ssm", "describe_parameters", "Parameters", "Name"),
    Place("sqs", "list_queues", "QueueUrls", ""),
    Place("sns", "list_topics", "Topics", "TopicArn"),
    Place("lambda", "list_functions", "Functions", "FunctionName"),
    Place("lambda", "list_layers", "Layers", "LayerName"),
    Place("iam", "list_roles", "Roles", "RoleName"),
    Place("events", "list_rules", "Rules", "Name"),
    Place("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Place("apigateway", "get_rest_apis", "items", "name"),
)


def delete(client: Any, service: str, name: str) -> None:
    """Delete something in one of the places DELETED."""
    match service:
        case "s3":
            _delete_bucket(client, name)
        case "dynamodb":
            client.delete_table(TableName=name)
        case "logs":  # a function that still ran may have made it again
            client.delete_log_group(logGroupName=name)
        case "secretsmanager":
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def _delete_bucket(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for one in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)
