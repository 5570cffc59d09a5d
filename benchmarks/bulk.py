"""`python -m benchmarks.bulk`: how long single requests take while a file is worked on, by the way its rows are sent.

It takes about fifteen minutes and prints the table of docs/decisions/0025-bulk-stack.md.
"""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.bulk import Bulk, as_csv, deploy_bulk
from sandbox.customergauge import CustomerGaugeSandbox
from sandbox.emulator import running_emulator
from sandbox.http_caller import HttpCaller, permitted_caller
from sandbox.singles import Singles
from sandbox.stack import Stack, deploy

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LATENCY = 0.1  # seconds of CustomerGauge
SECONDS_ALONE = 45.0
FLOOD = {"ROWS_PER_SECOND": "1000", "ROWS_WAITING": "20000", "ROWS_IN_QUEUE": "60000"}
WAYS: tuple[tuple[str, dict[str, str] | None, int], ...] = (
    ("all at once", FLOOD, 3000),
    ("all at once, a queue of its own, 2 workers", None, 3000),
    ("at most 100 wait", FLOOD | {"ROWS_WAITING": "100"}, 3000),
    ("at most 20 wait", FLOOD | {"ROWS_WAITING": "20"}, 3000),
    ("at most 20 wait, 40 a second", FLOOD | {"ROWS_WAITING": "20", "ROWS_PER_SECOND": "40"}, 2000),
    ("at most 20 wait, 20 a second", FLOOD | {"ROWS_WAITING": "20", "ROWS_PER_SECOND": "20"}, 1000),
)


@dataclass(frozen=True)
class Bench:
    """The deployed stacks."""

    vendor: CustomerGaugeSandbox
    stack: Stack
    bulk: Bulk
    caller: HttpCaller

    def alone(self, prefix: str) -> Singles:
        """Measure single requests without a file."""
        singles = Singles(self.stack, self.caller, prefix)
        with singles.running():
            time.sleep(SECONDS_ALONE)
        return singles

    def beside(self, prefix: str, rows: int, setting: dict[str, str] | None) -> tuple[Singles, float]:
        """Measure them while the rows of a file are worked on; return the rows a second, too."""
        singles, emails = Singles(self.stack, self.caller, prefix), [f"{prefix}{n}@example.com" for n in range(rows)]
        records = [{"Email": email} for email in emails]
        if setting is None:
            url = self._queue_of_its_own()
        else:
            self._set(setting)
        with singles.running():
            began = time.monotonic()
            if setting is None:
                for at in range(0, rows, 10):
                    bodies = [json.dumps({"configuration": "contact", "record": one}) for one in records[at : at + 10]]
                    entries: Any = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
                    self.stack.sqs.send_message_batch(QueueUrl=url, Entries=entries)
            else:
                self.bulk.put(prefix, as_csv(["Email"], records))
            while sum(str(link.record["Email"]).startswith(prefix) for link in self.vendor.links) < rows:
                time.sleep(0.5)
            seconds = time.monotonic() - began
        if setting is not None:
            self.bulk.finish(1, within=120)
        return singles, rows / seconds

    def _set(self, setting: dict[str, str]) -> None:
        """Give the sender another setting."""
        functions: LambdaClient = self.stack.emulator.client("lambda")
        [name] = [
            one["FunctionName"] for one in functions.list_functions()["Functions"] if "Send" in one["FunctionName"]
        ]
        kept = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept | setting})

    def _queue_of_its_own(self) -> str:
        functions: LambdaClient = self.stack.emulator.client("lambda")
        [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
        url = self.stack.sqs.create_queue(QueueName="bulk-rows", Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
        arn = self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        functions.create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=mapping["FunctionArn"],
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 2},
        )
        return url


def main() -> None:
    """Measure each way and print the table."""
    print("| rows are sent | rows a second | HTTP p95 | event p95 |\n| --- | --: | --: | --: |")
    with CustomerGaugeSandbox() as vendor, running_emulator() as emulator:
        vendor.latency = LATENCY
        urls = {"AuthBaseUrl": vendor.base_url, "ImportsBaseUrl": vendor.base_url}
        # Not S3's own events, which the sample mapping would take too.
        stack = deploy(emulator, DefaultConfiguration="contact", EventDetailType="Personal Link Requested", **urls)
        stack.fill_secret(vendor.client_id, vendor.client_secret)
        bench = Bench(vendor, stack, deploy_bulk(stack), permitted_caller(stack))
        bench.alone("warm-up")
        for number, (name, setting, rows) in enumerate(WAYS):
            http, event = bench.alone(f"alone{number}").p95()
            singles, rate = bench.beside(f"beside{number}x", rows, setting)
            http_beside, event_beside = singles.p95()
            print(f"| none | 0 | {http:.3f} s | {event:.3f} s |")
            by_http = f"{http_beside:.3f} s ({http_beside / http:.2f} x)"
            by_event = f"{event_beside:.3f} s ({event_beside / event:.2f} x)"
            print(f"| {name} | {rate:.0f} | {by_http} | {by_event} |", flush=True)


if __name__ == "__main__":
    main()
