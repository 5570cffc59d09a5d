"""The release that `make package` writes; tests/deployments/test_install.py deploys one."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from installer import package
from installer.__main__ import installer

whole_bill = package.bill_of_materials


@pytest.fixture(autouse=True)
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for what `sam build` leaves."""
    for resource in package.CODE:
        (tmp_path / "build" / resource / "python").mkdir(parents=True)
        (tmp_path / "build" / resource / "python" / "module.py").write_text(f"# {resource}\n")
    monkeypatch.setattr(package, "BUILD", tmp_path / "build")
    monkeypatch.setattr(package, "run", lambda command: None if command == "build" else pytest.fail(command))
    monkeypatch.setattr(package, "bill_of_materials", lambda file: file.write_text("{}"))  # takes seconds
    return tmp_path / "build"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    package.write(tmp_path / "release")
    return tmp_path / "release"


def test_the_packaged_template_refers_to_files_of_a_bucket_and_to_no_folder(release: Path) -> None:
    text = (release / "template.yaml").read_text()
    start = text.index("  ArtifactsBucket:")

    assert "CodeUri: functions" not in text
    assert "ContentUri: layers" not in text
    assert "Default" not in text[start : text.index("ArtifactsPrefix:", start)]
    archives = [path.name for path in release.glob("*.zip")]
    assert len(archives) == 5
    assert all(text.count(f"Key: !Sub ${{ArtifactsPrefix}}/{name}\n") == 1 for name in archives)


def test_each_archive_holds_the_files_of_its_resource(release: Path) -> None:
    [archive] = release.glob("PersonalLinkLayer-*.zip")

    with zipfile.ZipFile(archive) as opened:
        assert opened.read("python/module.py") == b"# PersonalLinkLayer\n"


def test_the_same_build_has_the_same_checksums_and_a_changed_one_another_prefix(build: Path, tmp_path: Path) -> None:
    before = package.write(tmp_path / "before")
    for path in build.rglob("*.py"):
        path.touch()
    again = package.write(tmp_path / "again")
    (build / "HttpApiFunction" / "more.py").touch()

    sums = [(tmp_path / name / "SHA256SUMS").read_text() for name in ("before", "again")]
    assert (again, sums[1]) == (before, sums[0])
    assert package.write(tmp_path / "after") != before


def test_every_file_of_a_release_has_its_checksum(release: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (release / "SHA256SUMS").read_text().splitlines())

    expected = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in release.iterdir()}
    del expected["SHA256SUMS"]
    assert sums == expected
    assert {"template.yaml", "sbom.cdx.json"} <= sums.keys()


def test_the_bill_of_materials_lists_the_shipped_packages(tmp_path: Path) -> None:
    whole_bill(tmp_path / "sbom.cdx.json")

    bill = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert {"aws-lambda-powertools", "jmespath", "urllib3"} <= {one["name"] for one in bill["components"]}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Error: name a bucket or a folder: make package BUCKET=my-releases, make package DIR=release\n"),
        (["--directory", "."], "Error: . is not empty: name a new folder.\n"),
    ],
)
def test_a_call_without_or_with_two_destinations_is_refused_with_the_usage(arguments: list[str], problem: str) -> None:
    result = CliRunner().invoke(installer, ["package", *arguments])

    assert result.output.endswith(problem)
    assert result.exit_code == 2


@pytest.fixture
def bucket(aws_environment: None) -> Iterator[str]:
    with mock_aws():
        location = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3").create_bucket(Bucket="releases", CreateBucketConfiguration=location)  # type: ignore[arg-type]
        yield "releases"


@pytest.mark.parametrize("region", ["eu-west-1", "eu-central-1"])
def test_package_with_a_bucket_uploads_the_release_to_its_region_and_prints_the_url_of_the_template(
    bucket: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    result = CliRunner().invoke(installer, ["package", "--bucket", bucket])

    keys = [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    [template] = [key for key in keys if key.endswith("/template.yaml")]
    assert len(keys) == 8
    assert result.output == f"https://releases.s3.{region}.amazonaws.com/{template}\n"
