"""Reads Fluentd's configuration: sections, their arguments and parameters.

https://docs.fluentd.org/configuration/config-file
"""

import re
from dataclasses import dataclass, field
from typing import Final

from monitoring.logs.reading.event import NotReadError

_OPEN: Final = re.compile(r"<(\w+)(?:\s+([^>]+))?>")
_CLOSE: Final = re.compile(r"</(\w+)>")
_PARAMETER: Final = re.compile(r"(@?\w+)(?:\s+(.+))?")


@dataclass
class Section:
    """`<name argument> parameters and sections </name>`."""

    name: str
    argument: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    sections: list["Section"] = field(default_factory=list)

    def all(self, name: str, kind: str | None = None) -> list["Section"]:
        """Every section of that name, and of that `@type` where one is given, directly inside."""
        found = [section for section in self.sections if section.name == name]
        return [section for section in found if kind in (None, section.parameters.get("@type"))]

    def one(self, name: str, kind: str | None = None) -> "Section":
        """The only one of these."""
        (section,) = self.all(name, kind)
        return section


def parse(text: str) -> Section:
    """Read a whole file.

    Raises:
        NotReadError: it is none; the text says in which line.
    """
    opened = [Section("")]
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if (found := _CLOSE.fullmatch(line)) is not None:
            if len(opened) == 1 or opened.pop().name != found[1]:
                raise NotReadError(f"line {number}: {line} closes what is not open")
        elif (found := _OPEN.fullmatch(line)) is not None:
            section = Section(found[1], (found[2] or "").strip())
            opened[-1].sections.append(section)
            opened.append(section)
        elif (found := _PARAMETER.fullmatch(line)) is not None:
            if found[1] in opened[-1].parameters:
                raise NotReadError(f"line {number}: {found[1]} is set twice")
            opened[-1].parameters[found[1]] = (found[2] or "").strip('"')
        else:
            raise NotReadError(f"line {number}: {line} means nothing")
    if len(opened) > 1:
        raise NotReadError(f"<{opened[-1].name}> is not closed")
    return opened[0]
