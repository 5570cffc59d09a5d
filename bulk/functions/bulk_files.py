"""The files of one run of a job: their names in the bucket, and how the functions read and write them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from personal_link.bulk.sheet import Layout

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

GONE: Final = frozenset({"NoSuchKey", "PreconditionFailed", "404", "412"})  # S3's codes: deleted or replaced


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: the file that started it, as the event of S3 names it, and the execution's name."""

    bucket: str
    key: str
    etag: str
    execution: str

    @property
    def job(self) -> str:
        """The job's name: `in/NAME.csv` without folder and extension."""
        return self.key.removeprefix("in/").removesuffix(".csv")

    @property
    def work(self) -> str:
        """The folder for what this run alone reads."""
        return f"work/{self.job}/{self.execution}/"

    @property
    def links(self) -> str:
        """The output."""
        return f"out/{self.job}.links.csv"

    @property
    def summary(self) -> str:
        """The numbers of rows by status."""
        return f"out/{self.job}.summary.json"

    @property
    def error(self) -> str:
        """Why the file cannot be read."""
        return f"out/{self.job}.error.json"

    @property
    def parts(self) -> str:
        """The list of parts."""
        return f"{self.work}parts.json"

    def rows(self, part: int) -> str:
        """Return the name of a part's rows with their requests."""
        return f"{self.work}rows/{part:06}.jsonl"

    def output(self, part: int) -> str:
        """Return the name of a part's lines of the output."""
        return f"{self.work}output/{part:06}.csv"


@dataclass(frozen=True, slots=True)
class Files:
    """The bucket, for one run."""

    s3: "S3Client"
    run: JobRun

    def write(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write a file."""
        self.s3.put_object(Bucket=self.run.bucket, Key=name, Body=body, Metadata=metadata or {})

    def write_json(self, name: str, value: object) -> None:
        """Write a value as JSON."""
        self.write(name, json.dumps(value, indent=2).encode())

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return self.s3.get_object(Bucket=self.run.bucket, Key=name)["Body"].read()

    def write_layout(self, layout: Layout) -> None:
        """Keep the layout of the input, which every part of the output has to have."""
        self.write_json(f"{self.run.work}layout.json", asdict(layout))

    def read_layout(self) -> Layout:
        """Return the layout of the input."""
        kept = json.loads(self.read(f"{self.run.work}layout.json"))
        return Layout(**{**kept, "columns": tuple(kept["columns"])})

    def write_parts(self, count: int) -> None:
        """Write the list of parts over which the state machine iterates: their numbers and nothing of a row."""
        self.write_json(self.run.parts, [{"part": number} for number in range(1, count + 1)])

    def read_parts(self) -> list[int]:
        """Return the numbers of the parts."""
        return [item["part"] for item in json.loads(self.read(self.run.parts))]

    def read_rows(self, part: int) -> Iterator[dict[str, Any]]:
        """Iterate over the rows of a part, as the split wrote them."""
        return map(json.loads, self.read(self.run.rows(part)).splitlines())

    def is_current(self) -> bool:
        """Tell whether the file that started the run is still there, unchanged."""
        head = self._head(self.run.key)
        return head is not None and head["ETag"].strip('"') == self.run.etag

    def metadata(self, name: str) -> Mapping[str, str] | None:
        """Return a file's metadata; None if there is no such file."""
        head = self._head(name)
        return head["Metadata"] if head else None

    def _head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        try:
            return self.s3.head_object(Bucket=self.run.bucket, Key=name)
        except ClientError as failure:
            if failure.response["Error"]["Code"] in GONE:
                return None
            raise
