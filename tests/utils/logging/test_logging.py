"""One log call is one line of JSON, whatever is passed."""

import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from support.kit.root_logger import nobody_else_listening
from utils.logging import bind, configure_logging, logger, request_id_var, trace_id_var
from utils.logging.output import LineHandler

Read = Callable[[], list[dict[str, Any]]]
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture(params=["straight", "with other handlers"])
def lines(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[Read]:
    """Yield a function that returns the lines written since its last call, by both ways of the logger."""
    configure_logging("factory-core", "DEBUG")

    def read() -> list[dict[str, Any]]:
        written = capfd.readouterr()
        return [json.loads(line) for text in written for line in text.splitlines()]

    with ExitStack() as stack:
        stack.callback(configure_logging, "v-factory", "INFO")
        if request.param == "straight":
            ours = [handler for handler in logging.root.handlers if isinstance(handler, LineHandler)]
            stack.enter_context(nobody_else_listening(*ours))
        yield read


def fail(error: Exception) -> None:
    raise error


def test_the_guides_fields_come_first_and_in_its_order(lines: Read) -> None:
    logger.info("Factory Core Service 시작 완료", extra={"zone": "A", "accepted": 3})
    [line] = lines()
    assert list(line) == ["timestamp", "level", "name", "message", "zone", "accepted"]
    assert TIMESTAMP.fullmatch(line["timestamp"])
    assert abs((datetime.fromisoformat(line["timestamp"]) - datetime.now(UTC)).total_seconds()) < 60
    assert (line["level"], line["name"]) == ("INFO", "factory-core")


def test_korean_is_written_as_korean(capfd: pytest.CaptureFixture[str]) -> None:
    logger.info("서비스 시작 중...")
    assert '"message":"서비스 시작 중..."' in capfd.readouterr().out


def test_lines_below_error_go_to_stdout_and_the_rest_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    for level in (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "x")
    written = capfd.readouterr()
    assert [json.loads(line)["level"] for line in written.out.splitlines()] == ["INFO", "WARNING"]
    assert [json.loads(line)["level"] for line in written.err.splitlines()] == ["ERROR", "CRITICAL"]


def test_a_level_between_two_words_takes_the_lower_one(lines: Read) -> None:
    for number in (1, 25, 39, 99):
        logger.log(number, "x")
    logger.setLevel(1)
    logger.log(5, "x")
    logger.setLevel(logging.NOTSET)
    assert [line["level"] for line in lines()] == ["INFO", "WARNING", "DEBUG", "CRITICAL"]


def test_a_library_logs_under_the_services_name_and_says_who_it_is(lines: Read) -> None:
    logging.getLogger("some.library").warning("slow query: %d ms", 12)
    [line] = lines()
    assert (line["name"], line["logger"], line["message"]) == (
        "factory-core",
        "some.library",
        "slow query: 12 ms",
    )


def test_the_services_logger_found_by_name_is_the_same_logger(lines: Read) -> None:
    assert logging.getLogger("factory-core") is logger
    assert lines() == []


def test_a_worker_names_its_process(lines: Read) -> None:
    configure_logging("incident-event", "INFO", process="worker")
    logger.info("x")
    [line] = lines()
    assert (line["name"], line["process"]) == ("incident-event", "worker")


@pytest.mark.parametrize("key", sorted({*vars(logging.makeLogRecord({})), "message", "asctime"}))
def test_a_reserved_name_in_extra_neither_raises_nor_drops_nor_forges(lines: Read, key: str) -> None:
    logger.warning("real", extra={key: "extra"})
    [line] = lines()
    assert (line["level"], line["name"], line["message"]) == ("WARNING", "factory-core", "real")
    assert line[f"extra_{key}" if key in {"name", "message"} else key] == "extra"


@pytest.mark.parametrize("key", ["timestamp", "level", "name", "message"])
def test_no_extra_overwrites_one_of_the_four_fields(lines: Read, key: str) -> None:
    logger.info("real", extra={key: "forged", f"extra_{key}": "twice"})
    [line] = lines()
    assert line[key] != "forged"
    assert {line[f"extra_{key}"], line[f"extra_extra_{key}"]} == {"forged", "twice"}


def test_no_extra_overwrites_the_request_id(lines: Read) -> None:
    token = request_id_var.set("real")
    try:
        logger.info("x", extra={"request_id": "forged"})
        logger.info("x", extra={"request_id": "real"})
    finally:
        request_id_var.reset(token)
    forged, same = lines()
    assert (forged["request_id"], forged["extra_request_id"]) == ("real", "forged")
    assert "extra_request_id" not in same


def test_a_library_forges_no_field_either(lines: Read) -> None:
    logging.getLogger("library").info(
        "real", extra={"level": "forged", "timestamp": "forged", "logger": "forged"}
    )
    [line] = lines()
    assert (line["level"], line["logger"], line["extra_level"]) == ("INFO", "library", "forged")


def test_a_dict_as_message_is_text(lines: Read) -> None:
    logger.info({"level": "forged", "name": "forged"})
    [line] = lines()
    assert (line["level"], line["message"]) == ("INFO", "{'level': 'forged', 'name': 'forged'}")


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\r\nb",
        "a\u2028b\u2029c\u0085d",
        "a\x0b\x0c\x1c\x1d\x1e",
        '{"level":"X"}\n{"level":"Y"}',
        "\x00",
    ],
)
def test_no_text_splits_a_line(lines: Read, text: str) -> None:
    logger.info(text, extra={"text": text, text: 1})
    [line] = lines()
    assert (line["message"], line["text"], line[text]) == (text, text, 1)


def test_arguments_that_do_not_fit_are_written_beside_the_message(lines: Read) -> None:
    logger.info("%d items", "three")
    logger.info("no place", 1)
    logger.info("%s and %s", 1)
    logger.info("%(missing)s", {"present": 1})
    assert [line["message"] for line in lines()] == [
        "%d items [arguments: ['three']]",
        "no place [arguments: [1]]",
        "%s and %s [arguments: [1]]",
        "%(missing)s [arguments: {'present': 1}]",
    ]


def test_named_arguments_work_as_in_logging(lines: Read) -> None:
    logger.info("%(count)d of %(total)d", {"count": 1, "total": 2})
    [line] = lines()
    assert line["message"] == "1 of 2"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@dataclass
class Pair:
    left: int
    right: object


def test_odd_values_become_something_json_can_carry(lines: Read) -> None:
    extra = {
        "nan": float("nan"),
        "infinity": float("-inf"),
        "big": 2**70,
        "surrogate": "\ud800",
        "bytes": b"\xff\x00",
        "set": {1},
        "tuple": (1, 2),
        "object": Unprintable(),
        "uuid": UUID(int=1),
        "secret": SecretStr("hunter2"),
        "path": Path("x"),
        "pair": Pair(1, b"x"),
        "type": int,
        3: "integer key",
        None: "no key",
        ("a", 1): "tuple key",
    }
    logger.info("x", extra=extra)  # type: ignore[arg-type] # on purpose
    [line] = lines()
    assert {key: line[key] for key in list(line)[4:]} == {
        "nan": None,
        "infinity": None,
        "big": str(2**70),
        "surrogate": "\\ud800",
        "bytes": "\\xff\x00",
        "set": [1],
        "tuple": [1, 2],
        "object": "<unprintable Unprintable>",
        "uuid": str(UUID(int=1)),
        "secret": "**********",
        "path": "x",
        "pair": {"left": 1, "right": "x"},
        "type": "<class 'int'>",
        "3": "integer key",
        "None": "no key",
        "('a', 1)": "tuple key",
    }


@pytest.mark.parametrize("extra", ["text", 7, ["list"], (1,), {1, 2}, Unprintable()])
def test_an_extra_that_is_no_mapping_is_kept_under_extra(lines: Read, extra: Any) -> None:
    logger.info("x", extra=extra)
    [line] = lines()
    assert "extra" in line


def test_cycles_end(lines: Read) -> None:
    cycle: dict[str, Any] = {"a": 1}
    cycle["self"] = [cycle]
    logger.info("x", extra={"cycle": cycle})
    [line] = lines()
    assert line["cycle"]["self"][0]["a"] == 1
    assert line["truncated"] is True


@pytest.mark.parametrize(
    "huge",
    [
        "가" * 1_000_000,
        "\x00" * 100_000,
        ["x" * 10] * 100_000,
        {f"key {number}": number for number in range(100_000)},
        [[[["x" * 100] * 30] * 30] * 30],
        b"\xff" * 100_000,
    ],
    ids=["text", "control characters", "list", "dict", "nested", "bytes"],
)
def test_a_huge_value_is_cut_so_that_the_line_stays_below_16_kib(
    capfd: pytest.CaptureFixture[str], huge: object
) -> None:
    logger.info("small", extra={"huge": huge, "after": 1})
    logger.info(huge)
    logger.info("%s", "x" * 100_000)
    written = capfd.readouterr().out.splitlines()
    assert len(written) == 3
    for text in written:
        assert len(text.encode()) < 16 * 1024
        assert json.loads(text)["message"]
    first = json.loads(written[0])
    assert (first["message"], first["truncated"]) == ("small", True)


def test_a_value_that_grows_without_end_costs_no_time(lines: Read) -> None:
    laughs: object = "ha"
    for _ in range(20):
        laughs = [laughs] * 20  # 20 to the power of 20 texts
    logger.info(laughs)
    logger.info("%s and %r", laughs, laughs)
    logger.info("x", extra={"laughs": laughs})
    assert len(lines()) == 3


@pytest.mark.parametrize("unit", ["eyJ", "://", "://a:", "@", "://a:b@", "eyJaaaaaaaa."])
def test_looking_for_secrets_takes_time_in_proportion_to_the_text(lines: Read, unit: str) -> None:
    logger.info(unit * 1_000_000)  # for ever, were it in proportion to the square
    assert len(lines()) == 1


def test_many_extras_with_long_names_stay_below_16_kib(capfd: pytest.CaptureFixture[str]) -> None:
    logger.info("x", extra={f"{number}" + "이름" * 1000: "v" for number in range(1000)})
    text = capfd.readouterr().out
    assert len(text.encode()) < 16 * 1024
    assert list(json.loads(text))[:4] == ["timestamp", "level", "name", "message"]


def test_an_exception_is_fields_of_the_same_line(lines: Read) -> None:
    try:
        fail(ValueError("나쁜 값\nsecond line"))
    except ValueError:
        logger.exception("failed", extra={"batch_id": "b1"})
    [line] = lines()
    assert (line["level"], line["message"], line["batch_id"]) == ("ERROR", "failed", "b1")
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["message"] == "나쁜 값\nsecond line"
    assert "test_logging.py" in line["exception"]["stacktrace"]


@pytest.mark.parametrize(
    "exc_info", [True, 1, "yes", (), (None, None, None), (1, 2, 3), ValueError("given"), Unprintable()]
)
def test_no_exc_info_raises(lines: Read, exc_info: Any) -> None:
    logger.info("x", exc_info=exc_info)
    [line] = lines()
    assert line["message"] == "x"
    assert ("exception" in line) is isinstance(exc_info, ValueError)


def test_an_exception_that_cannot_be_printed_still_gives_a_line(lines: Read) -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    logger.error("x", exc_info=BrokenError())
    [line] = lines()
    assert line["exception"]["message"] == "<unprintable BrokenError>"


def test_a_huge_stack_trace_keeps_both_ends(lines: Read) -> None:
    def deeper(depth: int) -> None:
        if depth:
            deeper(depth - 1)
            return
        raise RuntimeError("bottom " + "z" * 20_000)

    try:
        deeper(200)
    except RuntimeError:
        logger.exception("x")
    [line] = lines()
    stack = line["exception"]["stacktrace"]
    assert stack.startswith("Traceback")
    assert "characters left out" in stack
    assert stack.rstrip().endswith("z")


def test_passwords_and_tokens_leave_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    dsn = "postgresql://user:hunter2@db:5432/x"
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0abc.c2lnbmF0dXJl"
    try:
        fail(ConnectionError(f"cannot reach {dsn}"))
    except ConnectionError:
        logger.exception("dsn %s", dsn, extra={"redis": "redis://:hunter2@h/0", "nested": [{"url": dsn}]})
    logger.info("Bearer %s", token)
    logger.info("cut " + "x" * 20_000 + dsn)
    logger.info("kept: http://host:8000/a@b and mail@example.com and http://user@host/")
    written = capfd.readouterr()
    everything = written.out + written.err
    assert "hunter2" not in everything
    assert "c2lnbmF0dXJl" not in everything
    assert "postgresql://***@db:5432/x" in everything
    assert "kept: http://host:8000/a@b and mail@example.com and http://user@host/" in everything


def test_request_id_trace_id_and_bound_fields_ride_along(lines: Read) -> None:
    tokens = request_id_var.set("r-1"), trace_id_var.set("t-1")
    with bind(factory_id="f-1"), bind(batch_id="b-1"):
        logger.info("x")
        logging.getLogger("library").info("y")
    request_id_var.reset(tokens[0])
    trace_id_var.reset(tokens[1])
    logger.info("z")
    first, second, third = lines()
    for line in (first, second):
        assert (line["request_id"], line["trace_id"]) == ("r-1", "t-1")
        assert (line["factory_id"], line["batch_id"]) == ("f-1", "b-1")
    assert not {"request_id", "trace_id", "factory_id", "batch_id"} & set(third)


def test_it_is_a_real_logger_that_caplog_can_hear(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(logger, logging.Logger)
    with caplog.at_level(logging.INFO):
        logger.info("heard %d", 1, extra={"batch_id": "b1", "name": "x"})
    [record] = caplog.records
    assert record.getMessage() == "heard 1"
    assert vars(record)["batch_id"] == "b1"
    assert record.filename == "test_logging.py"
    assert record.funcName == "test_it_is_a_real_logger_that_caplog_can_hear"


def test_stack_info_is_a_field(lines: Read) -> None:
    logger.info("x", stack_info=True)
    [line] = lines()
    assert "test_stack_info_is_a_field" in line["stack"]


def test_filters_are_honoured(lines: Read) -> None:
    def only_even(record: logging.LogRecord) -> bool:
        return int(record.getMessage()) % 2 == 0

    logger.addFilter(only_even)
    try:
        logger.info("1")
        logger.info("2")
    finally:
        logger.removeFilter(only_even)
    assert [line["message"] for line in lines()] == ["2"]


def test_a_warning_is_a_line(lines: Read) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)  # pytest put its own recorder there before us
        logging.captureWarnings(capture=True)
        warnings.warn("old\nway", DeprecationWarning, stacklevel=1)
    [line] = lines()
    assert (line["level"], line["logger"]) == ("WARNING", "py.warnings")
    assert "DeprecationWarning: old\nway" in line["message"]


@pytest.mark.parametrize(
    ("text", "level", "warned"),
    [
        (None, "INFO", False),
        ("DEBUG", "DEBUG", False),
        ("ERROR", "ERROR", False),
        ("info", "INFO", False),
        (" info ", "INFO", False),
        ("Warning\n", "WARNING", False),
        ("", "INFO", True),
        ("  ", "INFO", True),
        ("WARN", "INFO", True),
        ("10", "INFO", True),
        ("NOTSET", "INFO", True),
        ("정보", "INFO", True),
    ],
)
def test_log_level_is_one_of_five_words_or_info_with_one_warning(
    lines: Read, text: str | None, level: str, *, warned: bool
) -> None:
    configure_logging("factory-core", text)
    assert logging.getLevelName(logger.getEffectiveLevel()) == level
    logger.critical("first")
    logger.critical("second")
    complaints = [line for line in lines() if line["level"] == "WARNING"]
    assert len(complaints) == warned
    if warned:
        assert complaints[0]["log_level"] == text
        assert complaints[0]["message"].startswith(
            "LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR, CRITICAL"
        )


def test_a_forked_child_can_log(lines: Read) -> None:
    child = os.fork()
    if child == 0:
        logger.info("from the child")
        os._exit(0)
    os.waitpid(child, 0)
    assert [line["message"] for line in lines()] == ["from the child"]


def test_both_ways_of_the_logger_are_really_taken(lines: Read, request: pytest.FixtureRequest) -> None:
    assert logger.handler is not None
    assert logger._is_only(logger.handler) is ("straight" in request.node.name)
    assert lines() == []
