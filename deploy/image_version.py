"""The version of `pyproject.toml`, written where programs need it that cannot read it there."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding

PLACES: Final[Mapping[Path, str]] = {
    Path("deploy/docker/Dockerfile"): r'(?<=org\.opencontainers\.image\.version=")[^"]*',
    Path("compose.yaml"): r"(?<=VFACTORY_VERSION:-)[^}]*",
    Path("deploy/kubernetes/base/kustomization.yaml"): r"(?<=newTag: )\S+",
    Path("deploy/kubernetes/README.md"): r"(?<= v-factory:)\S+",
}
"""Each file and the pattern of the version in it."""


def write(root: Path) -> None:
    """Write the version into every file that tells it."""
    for path, text in _current(root):
        path.write_text(text, encoding="utf-8")


def check(root: Path) -> list[Finding]:
    """Return the files that tell another version than `pyproject.toml`."""
    return [
        Finding(str(path.relative_to(root)), "version", "is out of date: run `make monitoring`")
        for path, text in _current(root)
        if path.read_text("utf-8") != text
    ]


def _current(root: Path) -> Iterator[tuple[Path, str]]:
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for path, pattern in PLACES.items():
        yield root / path, re.sub(pattern, version, (root / path).read_text("utf-8"))
