"""What Grafana puts in for its variables before it asks a datasource."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

LEAST_SCRAPES: Final = 4
_VARIABLE: Final = re.compile(r"\$\{(?P<braced>\w+)(?::\w+)?\}|\$(?P<plain>\w+)")


class UnknownVariableError(ValueError):
    """A query names a variable that there is not; the text names it."""


def put_in(query: str, values: Mapping[str, str]) -> str:
    """The query with every `$name`, `${name}` and `${name:format}` replaced.

    Raises:
        UnknownVariableError: `values` lacks one.
    """

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["plain"]
        if name not in values:
            raise UnknownVariableError(f"there is no variable ${name}")
        return values[name]

    return _VARIABLE.sub(value, query)


def names_in(query: str) -> set[str]:
    """The variables that a query or an address names."""
    return {found["braced"] or found["plain"] for found in _VARIABLE.finditer(query)}


def any_of(values: Sequence[str]) -> str:
    """Several values as Grafana writes them into a regular expression of Prometheus."""
    escaped = [re.sub(r"[\\^$*+?.()|[\]{}]", r"\\\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def intervals(step_seconds: float, scrape_seconds: float, range_seconds: float) -> dict[str, str]:
    """`$__interval`, `$__rate_interval` and `$__range` of a panel drawn with this step."""
    rate = max(step_seconds + scrape_seconds, LEAST_SCRAPES * scrape_seconds)
    return {
        "__interval": f"{step_seconds:.0f}s",
        "__rate_interval": f"{rate:.0f}s",
        "__range": f"{range_seconds:.0f}s",
    }
