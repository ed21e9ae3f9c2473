"""What promtool and amtool say of the files."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding
from vfactory.stack.programs import AMTOOL, PROMTOOL, newer_prometheus, require_programs
from vfactory.stack.state import state_directory

PROMETHEUS: Final = Path("monitoring/prometheus")
ALERTMANAGER: Final = Path("monitoring/alertmanager/alertmanager.yml")
SECONDS: Final = 300.0
# A configuration that names files of another machine (tokens, certificates) is right all the same.
CONFIGURATION: Final = ("check", "config", "--syntax-only")
RULES: Final = ("check", "rules")
TESTS: Final = ("test", "rules")


@dataclass(frozen=True)
class Question:
    """What a program is asked about a file."""

    file: Path
    name: str
    program: Path
    words: tuple[str, ...]

    def ask(self, root: Path) -> list[Finding]:
        """What it has found."""
        done = subprocess.run(  # noqa: S603 - programs of the monitoring, by fixed words
            [str(self.program), *self.words, str(root / self.file)],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode == 0:
            return []
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return [Finding(str(self.file), self.name, " | ".join(said[-12:])[:1500])]


def check(root: Path) -> list[Finding]:
    """Syntax of the configurations, syntax and tests of the rules, with Prometheus 2.42 or newer, and with 3.

    Raises:
        ProgramsError: promtool or amtool cannot be had; the text says how to get them.
    """
    found = require_programs([PROMTOOL, AMTOOL], state_directory())
    promtools = {"promtool": found[PROMTOOL], "promtool 3": newer_prometheus(state_directory()) / "promtool"}
    questions = [
        Question(ALERTMANAGER, "amtool", found[AMTOOL], ("check-config",)),
        *(one for name, program in promtools.items() for one in _promtool(root, name, program)),
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(lambda question: question.ask(root), questions))
    return [finding for answer in answers for finding in answer]


def _promtool(root: Path, name: str, program: Path) -> Iterator[Question]:
    yield Question(PROMETHEUS / "prometheus.yml", name, program, CONFIGURATION)
    for folder, words in (("rules", RULES), ("tests", TESTS)):
        for path in sorted((root / PROMETHEUS / folder).glob("*.yml")):
            yield Question(path.relative_to(root), name, program, words)
