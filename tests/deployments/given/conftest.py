"""One deployment with a value for every parameter that leaves the others alone, for all files of this folder."""

import json
from collections.abc import Iterator

import pytest

from sandbox import REPOSITORY
from sandbox.aws.emulator import REGION, Emulator, running_emulator
from sandbox.aws.stack import STACK_NAME, Stack, deploy
from sandbox.customergauge.server import CustomerGaugeSandbox
from tests.stack.deployed import create_stack

ACCOUNT, BUS, SECRET = "000000000000", "crm", "prod/customergauge"
MOST_CALLS = 10
SENDERS = [
    *(f"events:{REGION}:{ACCOUNT}:rule/{name}" for name in ("named", "example-s3")),
    *(
        f"events:{REGION}:{ACCOUNT}:rule/{BUS}/example-{name}"
        for name in ("order", "salesforce", "shopify", "stripe", "woocommerce")
    ),
    f"sns:{REGION}:{ACCOUNT}:named",
]


@pytest.fixture(scope="session")
def vendor() -> Iterator[CustomerGaugeSandbox]:
    with CustomerGaugeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture(scope="session")
def key(emulator: Emulator) -> str:
    """The ARN of the key that docs/customer-key.yaml makes."""
    template = (REPOSITORY / "docs" / "customer-key.yaml").read_text()
    return create_stack(emulator, "key", template, {"StackName": STACK_NAME})["KmsKeyArn"]


@pytest.fixture(scope="session")
def stack(emulator: Emulator, vendor: CustomerGaugeSandbox, key: str) -> Stack:
    """The stack. It listens to no detail-type of an example: only the example's own rule can bring its event."""
    emulator.client("events").create_event_bus(Name=BUS)
    credentials = json.dumps({"client_id": vendor.client_id, "client_secret": vendor.client_secret})
    emulator.client("secretsmanager").create_secret(Name=SECRET, SecretString=credentials)
    return deploy(
        emulator,
        AuthBaseUrl=vendor.base_url,
        ImportsBaseUrl=vendor.base_url,
        CredentialsSecretArn=SECRET,
        KmsKeyArn=key,
        HttpAccessLogs="true",
        AlarmEmail="operators@example.com",
        SnapStart="On",
        EventDetailType="Personal Link Requested",
        EventSources="com.example.shop",
        SenderArns=",".join(f"arn:aws:{sender}" for sender in SENDERS),
        VendorCallsPerSecond=str(MOST_CALLS),
    )
