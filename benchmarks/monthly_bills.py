"""What a month costs apart from the requests: an idle stack, and two parameters of it."""

from benchmarks.bills import MILLION, Bill, Line
from benchmarks.connector_bills import ENVIRONMENTS, MONTH, RENEWED_AFTER, Facts

ALARMS = 13  # of the template
METRICS = 8  # where all goes well: outcomes (3) and answers (2) by each dimension, attempts, latency, tokens


def idle_bill(facts: Facts) -> Bill:
    """Return what a stack costs in a month without a request."""
    polls = 5 * MONTH // 20
    return Bill(
        "a month without a request",
        [
            Line("the credentials' secret", "1", 1, facts.prices["secret"]),
            Line(
                "Lambda's poller on an empty queue",
                f"5 long polls of 20 s * {MONTH} s",
                polls,
                facts.prices["sqs_request"],
            ),
            Line("alarms", f"{ALARMS}, each on one metric", ALARMS, facts.prices["alarm"]),
        ],
        "With MaximumConcurrency set Lambda never polls with fewer than five. Once there are requests, these same calls"
        " receive them.",
    )


def metrics_bill(facts: Facts) -> Bill:
    """Return what the stack's own metrics add to a month in which all goes well."""
    return Bill(
        "metrics, a month",
        [Line("metrics of the stack's own", f"{METRICS}, by each dimension", METRICS, facts.prices["metric"])],
        "A metric is charged for the hours in which it is told: each code, source or status that comes up is one more.",
    )


def snapstart_bill(facts: Facts, *, memory: int) -> Bill:
    """Return what SnapStart=On adds to a month: two functions, one version each, restored as often as once an hour."""
    restores = ENVIRONMENTS * 30 * 24
    return Bill(
        f"SnapStart=On, a month, {memory} MB",
        [
            Line(
                "cached snapshots",
                f"2 functions * {memory} / 1024 GB * {MONTH} s",
                2 * memory / 1024 * MONTH,
                facts.prices["snapstart_cache"],
            ),
            Line(
                "restored snapshots",
                f"{ENVIRONMENTS} an hour * 720 h * {memory} / 1024 GB",
                restores * memory / 1024,
                facts.prices["snapstart_restore"],
            ),
        ],
        "A deployment's old version goes with it (VersionDeletionPolicy), and its snapshot.",
    )


def customer_key_bill(facts: Facts) -> Bill:
    """Return what a key of the customer's adds to a month of a million requests."""
    periods, renewals = MONTH // 300, MONTH // RENEWED_AFTER
    return Bill(
        "KmsKeyArn, a month",
        [
            Line("the key", "1", 1, facts.prices["kms_key"]),
            Line(
                "SQS, data keys",
                f"4 users of 2 queues * {periods} times five minutes",
                4 * periods,
                facts.prices["kms_request"],
            ),
            Line("DynamoDB, the table's key", f"{periods} times five minutes", periods, facts.prices["kms_request"]),
            Line(
                "reads of the secret",
                f"{renewals} renewals * {ENVIRONMENTS} environments",
                renewals * ENVIRONMENTS,
                facts.prices["kms_request"],
            ),
        ],
        "The calls follow the clock, not the requests: queues and table keep a data key for five minutes. Environments"
        " that start, and log groups, add some.",
    )


def break_even(monthly: Bill, ours: Bill, theirs: Bill) -> float:
    """Return the requests a month from which ours, with what it costs idle, is the cheaper one."""
    return monthly.dollars / (theirs.dollars - ours.dollars) * MILLION
