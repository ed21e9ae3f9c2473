"""Builds kustomizations with kustomize, found on PATH or unpacked from the distribution's packages."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from vfactory.stack.programs import PackagedProgram, fetch, find_program, programs_folder
from vfactory.stack.state import state_directory

KUSTOMIZE: Final = PackagedProgram("kustomize", "kustomize")
SUITE: Final = "trixie"  # the first of Debian's that has it
SECONDS: Final = 60.0

Manifest = Mapping[str, Any]


class BuildError(Exception):
    """kustomize refuses to build; the text is what it says."""


@cache
def kustomize() -> Path:
    """The program.

    Raises:
        ProgramsError: it cannot be had; the text says how to get it.
    """
    home = state_directory()
    found = find_program(KUSTOMIZE, home)
    if found is None:
        fetch({KUSTOMIZE.package}, programs_folder(home), suite=SUITE)
        found = programs_folder(home) / KUSTOMIZE.name
    return found


def build(folder: Path) -> list[Manifest]:
    """What `kubectl apply -k folder` would apply.

    Raises:
        BuildError: it cannot be built.
    """
    done = subprocess.run(
        [str(kustomize()), "build", str(folder)], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    if done.returncode != 0:
        raise BuildError(done.stderr.strip())
    return [manifest for manifest in yaml.load_all(done.stdout, yaml.CSafeLoader) if manifest]


def build_with(overlay: Path, components: Sequence[Path]) -> list[Manifest]:
    """What an overlay gives with these components on top, as somebody's own kustomization would name them.

    Raises:
        BuildError: it cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="v-factory-") as name:
        folder = Path(name).resolve()
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(overlay.resolve(), folder)],
            "components": [os.path.relpath(component.resolve(), folder) for component in components],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        return build(folder)
