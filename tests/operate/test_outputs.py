"""The outputs of a stack: for people, for programs, and for a shell."""

import json
import subprocess

from tests.operate.stage import NAME, Stage


def test_the_exported_lines_set_the_variables_of_the_pages_whatever_a_value_holds(stage: Stage) -> None:
    odd = {"OutputKey": "DashboardUrl", "OutputValue": "https://a.example/#it's=$(id)&b=`id`"}
    stage.located.answers["DescribeStacks"]["Stacks"][0]["Outputs"].append(odd)

    exported = stage.run("outputs", NAME, "--export").output

    names = ("STACK", "AWS_REGION", "REQUESTS_QUEUE_URL", "CREDENTIALS_SECRET_ARN", "DASHBOARD_URL")
    shown = "; ".join(f'printf "%s\\n" "${name}"' for name in names)
    said = subprocess.run(["/bin/sh", "-c", f"{exported}\n{shown}"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        *(NAME, "eu-west-1", stage.aws.requests_url, stage.aws.secret_arn),
        "https://a.example/#it's=$(id)&b=`id`",
    ]


def test_each_output_is_a_line_and_a_value_of_json(stage: Stage) -> None:
    told, as_json = stage.run("outputs", NAME).output, json.loads(stage.run("outputs", NAME, "--json").output)

    assert f"RequestsQueueUrl      {stage.aws.requests_url}" in [line.rstrip() for line in told.splitlines()]
    assert as_json["outputs"]["ParkedQueueUrl"] == stage.aws.parked_url
    assert (as_json["stack"], as_json["region"]) == (NAME, "eu-west-1")
