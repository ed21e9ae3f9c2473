"""What checkov finds in manifests and the image's recipe, less the exceptions that `checkov.yml` explains."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from monitoring.checks.finding import Finding

from deploy.checks.builds import build_all, distinct
from deploy.checks.kustomize import Manifest
from deploy.checks.tools import tool
from vfactory.stack.programs import ProgramsError

EXCEPTIONS: Final = Path("deploy/checks/checkov.yml")
DOCKERFILE: Final = Path("deploy/docker/Dockerfile")
SECONDS: Final = 300.0


@dataclass(frozen=True)
class Exemption:
    """A check that certain resources need not pass, and why."""

    check: str
    name: str
    resources: str
    reason: str

    def excuses(self, failure: "Failure") -> bool:
        """Whether the failure is one of those meant."""
        return failure.check == self.check and re.fullmatch(self.resources, failure.resource) is not None


@dataclass(frozen=True, order=True)
class Failure:
    """A resource that does not pass a check."""

    check: str
    resource: str
    text: str


def check(root: Path) -> list[Finding]:
    """What is found and not excused, and what is excused in vain."""
    failures = {*failures_of(distinct(build_all(root))), *_run("dockerfile", root / DOCKERFILE)}
    return judge(failures, read_exemptions(root / EXCEPTIONS))


def read_exemptions(path: Path) -> list[Exemption]:
    """The exceptions; each has every field."""
    return [Exemption(**entry) for entry in yaml.safe_load(path.read_text("utf-8"))]


def judge(failures: Iterable[Failure], exemptions: Sequence[Exemption]) -> list[Finding]:
    """Failures without an exception, and exceptions without a failure."""
    seen = sorted(failures)
    unexcused = [failure for failure in seen if not any(one.excuses(failure) for one in exemptions)]
    needless = [one for one in exemptions if not any(one.excuses(failure) for failure in seen)]
    return [
        *(Finding("deploy", failure.resource, f"{failure.check}: {failure.text}") for failure in unexcused),
        *(Finding(str(EXCEPTIONS), one.check, "excuses nothing any more") for one in needless),
    ]


def failures_of(manifests: Sequence[Manifest]) -> list[Failure]:
    """What checkov says of manifests."""
    with tempfile.TemporaryDirectory(prefix="v-factory-") as folder:
        path = Path(folder) / "manifests.yaml"
        path.write_text(yaml.dump_all(manifests, Dumper=yaml.CSafeDumper), encoding="utf-8")
        return _run("kubernetes", path)


def _run(framework: str, path: Path) -> list[Failure]:
    words = ["--framework", framework, "--compact", "--quiet", "--skip-download", "--output", "json"]
    done = subprocess.run(
        [str(tool("checkov")), "--file", str(path), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    try:
        said: Any = json.loads(done.stdout)
        reports = said if isinstance(said, list) else [said]
        found = [failure for report in reports for failure in report["results"]["failed_checks"]]
    except (ValueError, KeyError):
        raise ProgramsError(f"checkov did not run: {done.stdout[-500:]}{done.stderr[-1500:]}") from None
    if not all(report["summary"]["passed"] for report in reports):
        raise ProgramsError(f"checkov has looked at nothing: {done.stdout[-500:]}")
    return [Failure(one["check_id"], one["resource"], one["check_name"]) for one in found]
