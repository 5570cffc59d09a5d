"""The connector's template, and the modes that its parameters put it into."""

from functools import cache

from sandbox.template import source_template, translated_template
from tests.template.invariants.invariant import Subject

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:customergauge-AbCdEf"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/front/11111111-2222-3333-4444-555555555555"
RANGES = ["192.0.2.0/24", "2001:db8::/32"]
EMAIL = "operators@example.com"
SECRET_NAME = "prod/customergauge"
BOUNDARY = "arn:aws:iam::123456789012:policy/developers"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/crm/order-paid"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:tickets"
GUARDED = {
    "AllowedIpRanges": "192.0.2.0/24,2001:db8::/32",
    "WebAclArn": WEB_ACL,
    "KmsKeyArn": KEY,
    "AlarmEmail": EMAIL,
    "PermissionsBoundaryArn": BOUNDARY,
    "SenderArns": f"{RULE},{TOPIC}",
}

CONNECTOR = Subject(
    source=cache(source_template),
    translate=translated_template,
    modes={
        "signatures": {},
        "keys, guarded, logged": {"HttpAuth": "API_KEY", "HttpAccessLogs": "true", **GUARDED},
        "signatures, guarded, a given secret": {"CredentialsSecretArn": SECRET, **GUARDED},
        "keys, snapshots, a token each, other figures": {
            "HttpAuth": "API_KEY",
            "SnapStart": "On",
            "ShareAccessToken": "false",
            "DirectConcurrency": "7",
            "HttpRateLimit": "1",
            "HttpBurstLimit": "2",
            "ApiKeyDailyQuota": "3",
            "MaximumConcurrency": "7",
            "EventBusName": "crm",
            "EventDetailType": "Visit Ended,Order Paid",
            "EventSources": "shop,crm",
            "LogRetentionDays": "7",
        },
        "signatures, a secret by name, traced": {"CredentialsSecretArn": SECRET_NAME, "Tracing": "Active"},
    },
)
