"""Reads the walk-through out of README: its commands, and what each is said to print."""

import re
from dataclasses import dataclass

from support import ROOT

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"(?!2026-01-15)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?Z")
_WHO = re.compile(r"(?<= by )\S+")
_TOOK = re.compile(r"(?<=took        ).*")


@dataclass(frozen=True)
class Step:
    """One command as typed, and the text below it."""

    command: str
    output: str


def read_steps(readme: str, heading: str) -> list[Step]:
    """Return the commands of the section under this heading, in their order."""
    section = (ROOT / readme).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    steps: list[Step] = []
    for block in _BLOCK.findall(section):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            steps.append(Step(command, output.rstrip("\n")))
    return steps


def ids(text: str) -> list[str]:
    """Return the ids in a text, in their order."""
    return _ID.findall(text)


def timeless(text: str) -> str:
    """Return a text with what differs from run to run made the same: ids, clock times, durations.

    Times of the recording itself stay: they are the point.
    """
    text = _WHO.sub("<who>", _TIME.sub("<time>", _ID.sub("<id>", text)))
    return "\n".join(line.rstrip() for line in _TOOK.sub("<duration>", text).splitlines())
