"""`make package`: the stack as one template and its zip files, for an account without this folder, Python or SAM."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

import click
from botocore.config import Config

from installer.sam import run
from operate.stack import aws_session
from operate.terminal.failures import WrongCall
from operate.terminal.screen import screen
from sandbox import REPOSITORY
from sandbox.template import SOURCE

BUILD: Final = REPOSITORY / ".aws-sam" / "build"
LOCK: Final = REPOSITORY / "layers" / "dependencies" / "requirements.txt"
PREFIX: Final = "personal-link"
REGIONAL: Final = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})

# The line of template.yaml that names a folder, and the resource whose build takes its place.
CODE: Final = {
    "HttpApiFunction": "CodeUri: functions/http_api",
    "QueueWorkerFunction": "CodeUri: functions/queue_worker",
    "DirectInvocationFunction": "CodeUri: functions/direct_invocation",
    "DependenciesLayer": "ContentUri: layers",
    "PersonalLinkLayer": "ContentUri: layers",
}
PARAMETERS: Final = """\
  ArtifactsBucket:
    Description: S3 bucket, in the region of the stack, that holds the zip files of this release.
    Type: String
{default}    AllowedPattern: "^[a-z0-9.-]{{3,63}}$"
    ConstraintDescription: the name of a bucket
  ArtifactsPrefix:
    Description: Folder of the zip files in that bucket.
    Type: String
    Default: {prefix}
"""


@click.command(epilog="Example: make package BUCKET=my-releases")
@click.option("--bucket", help="Upload to this S3 bucket, in the region of the stacks, and print the template's URL.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Write to this empty folder.")
@click.option("--region", help="AWS region; default: that of your AWS configuration.")
@click.option("--profile", help="Profile of your AWS configuration.")
def package(bucket: str | None, directory: Path | None, region: str | None, profile: str | None) -> None:
    """Pack the stack as one template and its zip files, with checksums and a bill of materials."""
    if not bucket and not directory:
        raise WrongCall("name a bucket or a folder: make package BUCKET=my-releases, make package DIR=release")
    if directory and directory.exists() and any(directory.iterdir()):
        raise WrongCall(f"{directory} is not empty: name a new folder.")
    run("build")
    with tempfile.TemporaryDirectory() as scratch:
        folder = directory or Path(scratch)
        prefix = write(folder, bucket or "")
        if directory:
            names = ", ".join(sorted(path.name for path in folder.iterdir()))
            screen().print(f"Written to {folder}: {names}.\nUpload them to {prefix}/ of a bucket: docs/install.md.")
        if bucket:
            s3 = aws_session(profile, region).client("s3", config=REGIONAL)
            screen().print(upload(folder, bucket, prefix, s3))


def write(folder: Path, bucket: str = "") -> str:
    """Write template, zip files, checksums and bill of materials into a folder; return the prefix of their keys.

    The prefix has the template's hash, so that no release overwrites another. Without a bucket the template has no
    default for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    template = SOURCE.read_text()
    for resource, line in CODE.items():
        archive = zipped(BUILD / resource)
        name = f"{resource}-{hashlib.sha256(archive).hexdigest()[:16]}.zip"
        (folder / name).write_bytes(archive)
        template = _located(template, resource, line, name)
    prefix = f"{PREFIX}/{hashlib.sha256(template.encode()).hexdigest()[:16]}"
    head, default = "Parameters:\n", f"    Default: {bucket}\n" if bucket else ""
    template = template.replace(head, head + PARAMETERS.format(default=default, prefix=prefix), 1)
    (folder / "template.yaml").write_text(template)
    bill_of_materials(folder / "sbom.cdx.json")
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return prefix


def zipped(folder: Path) -> bytes:
    """Return a folder as a zip file that depends on nothing but names and contents."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            into.writestr(entry, path.read_bytes())
    return archive.read_bytes()


def upload(folder: Path, bucket: str, prefix: str, s3: Any) -> str:
    """Upload a release and return the URL of its template."""
    for path in sorted(folder.iterdir()):
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{path.name}", Body=path.read_bytes())
    key = f"{prefix}/template.yaml"
    url: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    return url.partition("?")[0]


def _located(template: str, resource: str, line: str, name: str) -> str:
    """Return the template with a file of the bucket where a resource names a folder."""
    start = template.index(f"\n  {resource}:\n")
    end = template.index(f"{line}\n", start)
    indent = " " * (end - template.rindex("\n", 0, end) - 1)
    location = f"{line.partition(':')[0]}:\n{indent}  Bucket: !Ref ArtifactsBucket\n"
    location += f"{indent}  Key: !Sub ${{ArtifactsPrefix}}/{name}\n"
    return template[:end] + location + template[end + len(line) + 1 :]


def bill_of_materials(file: Path) -> None:
    """Write the shipped packages as a CycloneDX file. Raises ClickException if that fails."""
    command = ["-m", "cyclonedx_py", "requirements", str(LOCK), "--output-reproducible", "--output-file", str(file)]
    ended = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise click.ClickException(f"the bill of materials could not be written: {ended.stderr.strip()[-500:]}")
