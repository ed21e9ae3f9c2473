"""yamllint over everything that is YAML here."""

from pathlib import Path
from typing import Final

from yamllint import linter
from yamllint.config import YamlLintConfig

from monitoring.checks.finding import Finding

CONFIGURATION: Final = """
extends: default
rules:
  line-length: disable
  document-start: disable
  comments: {min-spaces-from-content: 1}
  braces: {max-spaces-inside: 1}
  indentation: {spaces: 2, indent-sequences: true}
  truthy: {check-keys: false}
"""


def check(root: Path) -> list[Finding]:
    """What yamllint says of the folder `monitoring`."""
    configuration = YamlLintConfig(CONFIGURATION)
    findings = []
    for path in sorted((root / "monitoring").rglob("*.yml")):
        for problem in linter.run(path.read_text("utf-8"), configuration):
            place = f"line {problem.line}"
            findings.append(Finding(str(path.relative_to(root)), place, str(problem.message)))
    return findings
