"""Nothing anyone passes to a log call raises, drops a line, forges a field or splits a line."""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.kit.root_logger import nobody_else_listening
from utils.logging.calls import ServiceLogger
from utils.logging.output import LineHandler

RESERVED = [*vars(logging.makeLogRecord({})), "message", "asctime", "timestamp", "level", "logger", "process"]


class Hostile:  # noqa: PLW1641 - it has a hash, of its kind
    """Misbehaves in every method a serialiser could call."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
    __iter__ = __len__ = __bool__ = __hash__ = __str__  # type: ignore[assignment] # they raise

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")


class HostileMapping(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise RuntimeError("no item")

    def __iter__(self) -> Iterator[str]:
        yield "level"
        raise RuntimeError("no more")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class DisguisedKey(str):
    """Looks like another key, compares like none."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = str.__hash__


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)
    return value


any_text = st.text(st.characters(categories=None), max_size=50) | st.sampled_from(
    [
        "\u2028",
        "\x85",
        "\n",
        "\r\n",
        '"}\n{"level":"X"}',
        "가나다",
        "\ud800",
        "://u:p@h",
        "eyJ" * 20,
        "%",
        "%s %d",
    ]
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63, max_value=2**4000),
    st.floats(),
    any_text,
    any_text.map(lambda text: text * 2000),
    st.binary(max_size=50),
    st.datetimes(),
    st.uuids(),
    st.decimals(),
    st.builds(object),
    st.builds(Hostile),
    st.builds(HostileMapping),
    st.builds(cycle),
    st.just(Decimal("NaN")),
    st.just(Path("/")),
    st.just(int),
    st.builds(ValueError, any_text),
)
keys = st.one_of(
    any_text,
    st.sampled_from(RESERVED),
    st.sampled_from(RESERVED).map(DisguisedKey),
    st.integers(),
    st.none(),
    st.floats(allow_nan=False),
    st.tuples(any_text),
    any_text.map(lambda text: text * 500),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=5),
        inner.map(lambda value: [value] * 300),
    ),
    max_leaves=12,
)
extras = st.dictionaries(keys, values, max_size=8) | values
exceptions = st.one_of(st.none(), st.booleans(), st.builds(KeyError, any_text), leaves)


@pytest.fixture(params=["straight", "through records"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ServiceLogger, Path]]:
    """Yield a logger of its own and the file it writes to."""
    file = tmp_path / "lines"
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    handler = LineHandler("factory-core", stdout=descriptor, stderr=descriptor)
    logger = ServiceLogger("factory-core")
    logger.setLevel(1)
    logger.parent, logger.handler = logging.root, handler
    with nobody_else_listening(handler):
        if request.param == "through records":
            logger.addFilter(lambda _: True)
        yield logger, file
    os.close(descriptor)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    message=any_text | values,
    arguments=st.lists(values, max_size=3),
    extra=extras,
    exc_info=exceptions,
    stack_info=st.booleans(),
    level=st.sampled_from([10, 20, 25, 30, 40, 50]),
)
def test_every_call_gives_exactly_one_valid_line(
    written: tuple[ServiceLogger, Path],
    message: Any,
    arguments: list[Any],
    extra: Any,
    *,
    exc_info: Any,
    level: int,
    stack_info: bool,
) -> None:
    logger, file = written
    os.truncate(file, 0)
    logger.log(level, message, *arguments, exc_info=exc_info, extra=extra, stack_info=stack_info)
    content = file.read_bytes()
    assert len(content) < 16 * 1024
    assert content.endswith(b"\n")
    assert len(content.decode().splitlines()) == 1
    pairs = json.loads(content, object_pairs_hook=list, parse_constant=pytest.fail)
    assert [key for key, _ in pairs[:4]] == ["timestamp", "level", "name", "message"]
    assert len({key for key, _ in pairs}) == len(pairs)
    fields = dict(pairs)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", fields["timestamp"])
    assert fields["level"] in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
    assert fields["name"] == "factory-core"
    assert not fields["message"].startswith("A log line could not be written")
    if type(extra) is dict and "truncated" not in fields:
        assert len(pairs) >= 4 + len(extra)
