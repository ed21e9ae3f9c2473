import stat
from pathlib import Path

import pytest

from vfactory.stack.state import find_secret, keep_secret


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = keep_secret(tmp_path, "auth")
    assert keep_secret(tmp_path, "auth") == find_secret(tmp_path, "auth") == first
    assert len(first.value) >= 32
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damaged", [b"", b"short", b"\xff" * 40, "열쇠".encode() * 20])
def test_a_damaged_secret_is_none_and_gets_replaced(damaged: bytes, tmp_path: Path) -> None:
    kept = keep_secret(tmp_path, "auth")
    kept.file.write_bytes(damaged)
    assert find_secret(tmp_path, "auth") is None
    assert keep_secret(tmp_path, "auth").value != kept.value


def test_a_secret_that_could_not_be_told_to_its_server_is_not_kept(tmp_path: Path) -> None:
    def refuse(_: str) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        keep_secret(tmp_path, "postgres", before=refuse)
    assert find_secret(tmp_path, "postgres") is None


def test_a_known_secret_is_not_told_again(tmp_path: Path) -> None:
    told: list[str] = []
    kept = keep_secret(tmp_path, "postgres", before=told.append)
    keep_secret(tmp_path, "postgres", before=told.append)
    assert told == [kept.value]
