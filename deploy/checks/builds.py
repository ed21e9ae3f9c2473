"""Builds every combination and looks at what comes out: each field, and whether the parts fit together."""

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from monitoring.checks.finding import Finding

from deploy.checks.combinations import KUBERNETES, Combination, combinations, folder_of
from deploy.checks.fit import misfits
from deploy.checks.kustomize import BuildError, Manifest, build_with, kustomize
from deploy.checks.schemas import problems

Built = tuple[Combination, list[Manifest] | BuildError]


def check(root: Path) -> list[Finding]:
    """What is wrong with any combination.

    Raises:
        ProgramsError: kustomize cannot be had.
    """
    built = build_all(root)
    return sorted({finding for result in built for finding in _look(result)} | set(_typos(built)))


@cache
def build_all(root: Path) -> list[Built]:
    """Every combination, built, as many at a time as there are processors."""
    kustomize()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(
            pool.map(lambda combination: (combination, _build(combination, root)), combinations(root))
        )


def name_of(manifest: Manifest) -> str:
    """Kind, namespace and name."""
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '*')}/{metadata['name']}"


def distinct(built: Iterable[Built]) -> list[Manifest]:
    """Every manifest once, however many combinations contain it."""
    all_of_them = (
        manifest for _, result in built if not isinstance(result, BuildError) for manifest in result
    )
    return list({json.dumps(manifest, sort_keys=True): manifest for manifest in all_of_them}.values())


def _build(combination: Combination, root: Path) -> list[Manifest] | BuildError:
    parts = [root / KUBERNETES / "components" / component for component in combination.components]
    try:
        return build_with(folder_of(combination.overlay, root), parts)
    except BuildError as error:
        return error


def _look(built: Built) -> Iterator[Finding]:
    combination, result = built
    conflict = combination.conflict
    if conflict is not None:
        if not isinstance(result, BuildError):
            yield _finding(combination, "must not build: its parts conflict")
        elif conflict not in str(result):
            yield _finding(combination, f"must be refused naming {conflict}, not with: {result}")
    elif isinstance(result, BuildError):
        yield _finding(combination, str(result))
    else:
        yield from (_finding(combination, text) for text in misfits(result))


def _typos(built: Iterable[Built]) -> Iterator[Finding]:
    for manifest in distinct(built):
        for text in problems(manifest):
            yield Finding(str(KUBERNETES), name_of(manifest), text)


def _finding(combination: Combination, text: str) -> Finding:
    return Finding(str(KUBERNETES), str(combination), text)
