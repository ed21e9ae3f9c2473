from pathlib import Path

import pytest

from vfactory.stack.state import (
    Part,
    StackRecord,
    read_record,
    remove_record,
    write_record,
)

RECORD = StackRecord(
    supervisor=7,
    state="running",
    logs="/logs",
    parts=[
        Part(name="factory-core", kind="service", where="http://127.0.0.1:8001", pid=8, created=1.5),
        Part(name="postgres", kind="server", where="127.0.0.1:15432"),
    ],
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    remove_record(tmp_path)
    remove_record(tmp_path)
    assert read_record(tmp_path) is None


def test_only_services_have_addresses() -> None:
    assert RECORD.urls() == {"factory-core": "http://127.0.0.1:8001"}


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"supervisor": "x"}', b"\xff\xfe"])
def test_a_damaged_record_counts_as_none(damaged: bytes, tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_bytes(damaged)
    assert read_record(tmp_path) is None
