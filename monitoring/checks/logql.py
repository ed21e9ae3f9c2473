"""A sanity check of LogQL: not a parser, but enough to notice a query that Loki would refuse."""

import re
from collections.abc import Iterator
from typing import Final

LABELS: Final = ("namespace", "app", "container", "pod", "service")
"""Labels that the log pipelines give a stream; everything else stands in the line."""
FIELDS: Final = ("level", "name", "logger", "message", "process", "request_id", "trace_id", "span_id")
_SELECTOR: Final = re.compile(r"\{([^{}]*)\}")
_MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`)\s*')
_FILTER: Final = re.compile(r"\|\s*(\w+)\s*(?:=~|!~|!=|==|=|>=|<=|>|<)\s*[\"`]")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def problems(query: str) -> Iterator[str]:
    """What is wrong with a query whose variables have been put in."""
    if not _balanced(query):
        yield "has a bracket or quote without its other half"
        return
    selectors = _SELECTOR.findall(query)
    if not selectors:
        yield "selects no stream: a query begins with {label=...}"
    for selector in selectors:
        yield from _selector(selector)
    used = set(_FILTER.findall(query))
    if used and "| json" not in query:
        yield f"filters by {', '.join(sorted(used))} before `| json` has read the line"
    for field in sorted(used - set(FIELDS) - set(LABELS) - {"__error__"}):
        yield f"filters by {field}, which no line has"


def _selector(selector: str) -> Iterator[str]:
    left = _MATCHER.sub("", selector, count=0).replace(",", "").strip()
    if left:
        yield f"has a selector that is none: {left}"
    names = [found[1] for found in _MATCHER.finditer(selector)]
    for name in names:
        if name not in LABELS:
            yield f"selects streams by {name}, which is no label of a stream"
    if not any(found[2] == "=" for found in _MATCHER.finditer(selector)):
        yield "selects by no exact label, so Loki has to look at every stream"


def _balanced(query: str) -> bool:
    bare = _QUOTED.sub("", query)
    if '"' in bare or "`" in bare:
        return False
    opened: list[str] = []
    for character in bare:
        if character in _PAIRS.values():
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return False
    return not opened
