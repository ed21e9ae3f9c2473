"""Strict validation: every field of a manifest is one that Kubernetes, or the resource's operator, knows."""

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
from jsonschema import Draft202012Validator

from deploy.checks.kustomize import Manifest
from deploy.checks.tools import tools_python
from vfactory.stack.programs import ProgramsError

VERSIONS: Final = ("1.31", "1.37")  # the oldest that is supported, and the newest there is a schema for
OWN: Final = Path(__file__).with_name("schemas")
EXPORT: Final = Path(__file__).with_name("export_schemas.py")


def problems(manifest: Manifest) -> list[str]:
    """What is wrong with the manifest by the schemas of every supported version."""
    kind = f"{manifest.get('apiVersion')}/{manifest.get('kind')}"
    custom = custom_schemas().get(kind)
    if custom is not None:
        return [_explain(error) for error in Draft202012Validator(custom).iter_errors(dict(manifest))]
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(dict(manifest), version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"Kubernetes {version}: {_explain(error)}")
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"Kubernetes {version}: there is no schema for {kind}")
    return found


@cache
def custom_schemas() -> Mapping[str, Mapping[str, Any]]:
    """A closed schema for each custom resource, by `apiVersion/kind`.

    From the pinned packages that carry the operators' own; from `schemas/` where there is no such package.
    """
    done = subprocess.run(
        [str(tools_python()), "-I", str(EXPORT)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ProgramsError(f"The schemas of custom resources cannot be read: {done.stderr[-2000:]}")
    exported: dict[str, Mapping[str, Any]] = json.loads(done.stdout)
    own = {schema["title"]: schema for schema in map(_read, sorted(OWN.glob("*.json")))}
    return exported | own


def _read(path: Path) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def _explain(error: Any) -> str:
    """The innermost reason and where: `anyOf` alone would only repeat the manifest."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"{error.json_path}: {error.message[:300]}"
