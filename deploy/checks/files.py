"""What hadolint, the Compose specification and yamllint say of the files themselves."""

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
SECONDS: Final = 60.0


def check(root: Path) -> list[Finding]:
    """Everything the three find."""
    return [*hadolint(root, DOCKERFILE), *compose(root, COMPOSE), *yaml_style(root)]


def hadolint(root: Path, file: Path) -> list[Finding]:
    """What hadolint says of a recipe for an image."""
    return _said(root, file, "hadolint", [_program("hadolint"), "--no-color", str(root / file)])


def compose(root: Path, file: Path) -> list[Finding]:
    """What the schema of the Compose specification says: a misspelt field is refused."""
    schema = ["--builtin-schema", "vendor.compose-spec", "--color", "never", "--output-format", "text"]
    return _said(root, file, "compose-spec", [_program("check-jsonschema"), *schema, str(root / file)])


def yaml_style(root: Path) -> list[Finding]:
    """What yamllint says of `deploy`, of the compose file and of `monitoring`'s kustomizations."""
    configuration = YamlLintConfig(CONFIGURATION)
    deployed = [path for end in ("yaml", "yml") for path in (root / "deploy").rglob(f"*.{end}")]
    others = [root / COMPOSE, *(root / "monitoring").rglob("kustomization.yaml")]
    return [
        Finding(str(path.relative_to(root)), f"line {problem.line}", str(problem.message))
        for path in sorted([*deployed, *others])
        for problem in linter.run(path.read_text("utf-8"), configuration)
    ]


def _program(name: str) -> str:
    """A program that came with a package of the developers' environment."""
    return str(Path(sys.executable).with_name(name))


def _said(root: Path, file: Path, subject: str, command: Sequence[str]) -> list[Finding]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=root)
    if done.returncode == 0:
        return []
    words = " | ".join(line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip())
    return [Finding(str(file), subject, words.replace(f"{root}/", "")[:1500])]
