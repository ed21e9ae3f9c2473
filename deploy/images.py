"""Container images by digest: what a name stands for cannot change behind our back."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding

DOCKERFILE: Final = Path("deploy/docker/Dockerfile")
COMPOSE: Final = Path("compose.yaml")
# Of an image built here, and of one that everybody names where their cluster gets it.
NAMED_BY_READERS: Final = ("v-factory", "kube-state-metrics")
SECONDS: Final = 60.0
UNAVAILABLE: Final = 69

_REFERENCE: Final = re.compile(r"""^(?:ARG BASE=|\s*(?:- )?image: *["']?)([^\s"'#]+)""", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z0-9./_-]+:[\w.-]+")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def references(root: Path) -> Iterator[tuple[Path, str]]:
    """Every image that a file names, and the file, without those that a reader names."""
    manifests = [path.relative_to(root) for path in sorted((root / "deploy").rglob("*.yaml"))]
    for path in (DOCKERFILE, COMPOSE, *manifests):
        for image in _REFERENCE.findall((root / path).read_text("utf-8")):
            if re.split(r"[:@]", image)[0] not in NAMED_BY_READERS:
                yield path, image


def check(root: Path) -> list[Finding]:
    """Return what is wrong: no version, no real digest, two for one name, or only some with a digest."""
    found = list(references(root))
    findings: list[Finding] = []
    digests: dict[str, str] = {}
    is_pinned = any("@" in image for _, image in found)
    for path, image in found:
        name, _, digest = image.partition("@")
        if not _NAME.fullmatch(name) or name.endswith(":latest"):
            findings.append(Finding(str(path), image, "needs a version"))
        if digest and not _DIGEST.fullmatch(digest):
            findings.append(Finding(str(path), image, "needs a digest of the form sha256:…"))
        if is_pinned and not digest:
            findings.append(Finding(str(path), image, "has no digest, and others have: make image-pin"))
        if digest and digests.setdefault(name, digest) != digest:
            findings.append(Finding(str(path), image, "has another digest than the same name elsewhere"))
    return findings


def pin(root: Path) -> int:
    """Write today's digest behind the name of every image; return 0, or 69 if one cannot be had.

    All are written, or none is.
    """
    names = sorted({image.partition("@")[0] for _, image in references(root)})
    found = {name: _digest(name) for name in names}
    missing = [name for name, digest in found.items() if digest is None]
    if missing:
        sys.stderr.write(
            f"No digest for {', '.join(missing)}; nothing was changed. It takes skopeo, or docker with "
            "buildx, on PATH, and a registry that can be reached from here.\n"
        )
        return UNAVAILABLE
    _write(root, {name: f"{name}@{digest}" for name, digest in found.items()})
    for name, digest in found.items():
        print(f"{name}@{digest}")
    return 0


def _write(root: Path, pinned: Mapping[str, str]) -> None:
    for path in sorted({path for path, _ in references(root)}):
        text = (root / path).read_text("utf-8")

        def with_digest(found: re.Match[str]) -> str:
            name = found[1].partition("@")[0]
            return found[0].removesuffix(found[1]) + pinned.get(name, found[1])

        (root / path).write_text(_REFERENCE.sub(with_digest, text), "utf-8")


def _digest(name: str) -> str | None:
    """The digest that the registry has for a name today; None if it cannot be had."""
    ways = {
        "skopeo": ("inspect", "--format", "{{.Digest}}", f"docker://{name}"),
        "docker": ("buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", name),
    }
    for program, arguments in ways.items():
        if (path := shutil.which(program)) is None:
            continue
        try:
            done = subprocess.run(
                [path, *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0 and _DIGEST.fullmatch(done.stdout.strip()):
            return done.stdout.strip()
    return None
