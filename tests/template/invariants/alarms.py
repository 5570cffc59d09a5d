"""What alarms watch and the dashboard shows."""

STACK = ("Stack", "${AWS::StackName}")
WORKER = (("FunctionName", "${QueueWorkerFunction}"), ("Resource", "${QueueWorkerFunction}:live"))
HTTP_API = (("FunctionName", "${HttpApiFunction}"), ("Resource", "${HttpApiFunction}:live"))
REQUESTS_QUEUE = ("QueueName", "${RequestsQueue.QueueName}")
PARKED_QUEUE = ("QueueName", "${ParkedQueue.QueueName}")
RESULTS_QUEUE = ("QueueName", "${ResultsQueue.QueueName}")
API = (("ApiName", "${AWS::StackName}"), ("Stage", "live"))  # the API's name is that of the stack
BY_CODE, BY_STATUS = (STACK, ("Code", "*")), (STACK, ("Status", "*"))

# What each alarm watches. The names and dimensions of AWS's own metrics are those of its documentation:
# SQS https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# Lambda https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html: an alias is a Resource
# API https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
WATCHED: dict[str, tuple[str, str, tuple[tuple[str, str], ...], str, float]] = {
    "ParkedRequests": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (PARKED_QUEUE,), "Maximum", 0),
    "OldestRetry": ("PersonalLink", "RetryAge", (STACK,), "Maximum", 1800),
    "OldestRequest": ("AWS/SQS", "ApproximateAgeOfOldestMessage", (REQUESTS_QUEUE,), "Maximum", 3600),
    "UnknownOutcomes": ("PersonalLink", "UnknownOutcomes", (STACK,), "Sum", 0),
    "CredentialsRefused": ("PersonalLink", "SetupFaults", (STACK,), "Sum", 0),
    "WorkerErrors": ("AWS/Lambda", "Errors", WORKER, "Sum", 0),
    "HttpFunctionErrors": ("AWS/Lambda", "Errors", HTTP_API, "Sum", 0),
}
OF_A_CANARY = {"Bugs": ("PersonalLink", "Bugs", (STACK,), "Sum", 0.0)}  # it takes a new version back, and tells nobody

# What the dashboard shows: each metric with its dimensions and its statistic.
SHOWN = {
    ("PersonalLink", "Outcomes", BY_CODE, "Sum"),
    ("PersonalLink", "TriedAgain", BY_CODE, "Sum"),
    ("PersonalLink", "Parked", BY_CODE, "Sum"),
    ("PersonalLink", "Refused", BY_CODE, "Sum"),
    ("PersonalLink", "Bugs", (STACK,), "Sum"),
    ("PersonalLink", "SetupFaults", (STACK,), "Sum"),
    ("PersonalLink", "UnknownOutcomes", (STACK,), "Sum"),
    ("AWS/Lambda", "Errors", WORKER, "Sum"),
    ("AWS/Lambda", "Throttles", WORKER, "Sum"),
    ("AWS/Lambda", "Errors", HTTP_API, "Sum"),
    ("AWS/ApiGateway", "Count", API, "Sum"),
    ("AWS/ApiGateway", "4XXError", API, "Sum"),
    ("AWS/ApiGateway", "5XXError", API, "Sum"),
    ("PersonalLink", "TokenFetches", (STACK,), "Sum"),
    ("PersonalLink", "CircuitOpens", (STACK,), "Sum"),
    ("PersonalLink", "VendorLatency", (STACK,), "p50"),
    ("PersonalLink", "VendorLatency", (STACK,), "p90"),
    ("PersonalLink", "VendorLatency", (STACK,), "p99"),
    ("PersonalLink", "VendorAnswers", BY_STATUS, "Sum"),
    ("AWS/ApiGateway", "Latency", API, "p50"),
    ("AWS/ApiGateway", "Latency", API, "p99"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (PARKED_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (RESULTS_QUEUE,), "Maximum"),
    ("PersonalLink", "RetryAge", (STACK,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (REQUESTS_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (PARKED_QUEUE,), "Maximum"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", (RESULTS_QUEUE,), "Maximum"),
}
