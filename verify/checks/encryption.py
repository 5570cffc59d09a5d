"""The customer's own KMS key."""

from sandbox import REPOSITORY
from verify.account import KEY
from verify.check import check
from verify.checks.triggers import every_trigger
from verify.stage import Stage, Wrong


@check("With a customer's key every trigger gives a link, and data is encrypted with it.", "key policy")
def encryption(stage: Stage) -> str:
    template = (REPOSITORY / "docs" / "customer-key.yaml").read_text()
    key = stage.site.create(KEY, {"StackName": stage.site.name}, TemplateBody=template)["KmsKeyArn"]
    stage.update(KmsKeyArn=key)
    sqs, logs = stage.client("sqs"), stage.client("logs")
    wrong = []
    for name, url in stage.stack.of_type("AWS::SQS::Queue").items():
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        wrong += [name] if attributes.get("KmsMasterKeyId") != key else []
    for name, group in stage.stack.of_type("AWS::Logs::LogGroup").items():
        [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        wrong += [name] if described.get("kmsKeyId") != key else []
    if wrong:
        raise Wrong(f"encrypted with another key: {', '.join(wrong)}")
    return every_trigger(stage)
