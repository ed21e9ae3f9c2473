"""What hadolint, the schemas of Compose and of hosted CI, and yamllint say of the files themselves."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding
from monitoring.checks.style import CONFIGURATION
from yamllint import linter
from yamllint.config import YamlLintConfig

COMPOSE: Final = Path("compose.yaml")
DOCKERFILE: Final = Path("deploy/docker/Dockerfile")
WORKFLOWS: Final = Path(".github/workflows")
HOOKS: Final = Path(".pre-commit-config.yaml")
SECONDS: Final = 60.0


def check(root: Path) -> list[Finding]:
    """Return everything they find."""
    runs = [finding for path in workflow_files(root) for finding in workflow(root, path)]
    return [*hadolint(root, DOCKERFILE), *compose(root, COMPOSE), *runs, *yaml_style(root)]


def hadolint(root: Path, file: Path) -> list[Finding]:
    """What hadolint says of a recipe for an image."""
    return _said(root, file, "hadolint", [_program("hadolint"), "--no-color", str(root / file)])


def compose(root: Path, file: Path) -> list[Finding]:
    """What the schema of the Compose specification says: a misspelt field is refused."""
    return _against_schema(root, file, "vendor.compose-spec")


def workflow(root: Path, file: Path) -> list[Finding]:
    """What the schemas of a workflow say: a misspelt field is refused, and a job without a time limit."""
    schemas = ("vendor.github-workflows", "custom.github-workflows-require-timeout")
    return [finding for schema in schemas for finding in _against_schema(root, file, schema)]


def workflow_files(root: Path) -> list[Path]:
    """Every workflow of the hosted CI, relative to `root`."""
    return sorted(path.relative_to(root) for path in (root / WORKFLOWS).glob("*.y*ml"))


def yaml_style(root: Path) -> list[Finding]:
    """What yamllint says of `deploy`, of `monitoring`'s kustomizations, and of single files elsewhere."""
    configuration = YamlLintConfig(CONFIGURATION)
    deployed = [path for end in ("yaml", "yml") for path in (root / "deploy").rglob(f"*.{end}")]
    single = [root / path for path in (COMPOSE, HOOKS, *workflow_files(root))]
    others = [*single, *(root / "monitoring").rglob("kustomization.yaml")]
    return [
        Finding(str(path.relative_to(root)), f"line {problem.line}", str(problem.message))
        for path in sorted([*deployed, *others])
        for problem in linter.run(path.read_text("utf-8"), configuration)
    ]


def _against_schema(root: Path, file: Path, schema: str) -> list[Finding]:
    options = ["--builtin-schema", schema, "--color", "never", "--output-format", "text"]
    command = [_program("check-jsonschema"), *options, str(root / file)]
    return _said(root, file, schema.partition(".")[2], command)


def _program(name: str) -> str:
    """A program that came with a package of the developers' environment."""
    return str(Path(sys.executable).with_name(name))


def _said(root: Path, file: Path, subject: str, command: Sequence[str]) -> list[Finding]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=root)
    if done.returncode == 0:
        return []
    words = " | ".join(line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return [Finding(str(file), subject, words.replace(f"{root}/", "")[:1500])]
