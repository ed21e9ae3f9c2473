import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded import AccessError
from support.plant.stack import Stack
from vfactory.stack.state import check_home, find_secret, keep_issuers, keep_secret


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


def planted(home: Path, change: Callable[[Path], object]) -> Path:
    """Return a state directory with secrets, which `change` has spoiled."""
    keep_issuers(home)
    change(home)
    return home


def _link(path: Path) -> None:
    path.rename(path.with_name(path.name + "-moved"))
    path.symlink_to(path.with_name(path.name + "-moved"))


SPOILS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a state directory for everybody": (lambda home: home.chmod(0o777), "chmod go-w {home}`"),
    "a state directory of a group": (lambda home: home.chmod(0o770), "chmod go-w {home}`"),
    "a folder of secrets for everybody": (
        lambda home: (home / "secrets").chmod(0o777),
        "chmod go-w {home}/secrets",
    ),
    "a folder of secrets that is a link": (lambda home: _link(home / "secrets"), "{home}/secrets is a link"),
    "a secret for everybody": (
        lambda home: (home / "secrets/signing-key").chmod(0o644),
        "chmod 600 {home}/secrets/signing-key",
    ),
    "a secret that is a link": (
        lambda home: _link(home / "secrets/signing-key"),
        "{home}/secrets/signing-key is a link",
    ),
}
if os.geteuid() == 0:
    for _name in ("", "secrets", "secrets/signing-key"):
        SPOILS[f"{_name or 'a state directory'} of another user"] = (
            lambda home, name=_name: os.chown(home / name, 65534, 65534),  # type: ignore[misc]
            f"{{home}}{'/' * bool(_name)}{_name} belongs to nobody",
        )


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_another_user_may_have_planted_is_used_by_nobody(tmp_path: Path, spoil: str) -> None:
    change, text = SPOILS[spoil]
    home = planted(tmp_path / "home", change)
    refusals: list[Callable[[], object]] = [
        lambda: find_secret(home, "signing-key"),
        lambda: keep_secret(home, "signing-key"),
        lambda: check_home(home),
    ]
    for refused in refusals:
        with pytest.raises(AccessError) as caught:
            refused()
        assert text.format(home=home) in str(caught.value)


@pytest.mark.parametrize("name", ["keys", "monitoring", "programs"])
def test_a_folder_of_what_the_stack_believes_or_runs_is_checked_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o700)
    check_home(tmp_path)
    (tmp_path / name).chmod(0o777)
    with pytest.raises(AccessError, match=f"chmod go-w {tmp_path / name}"):
        check_home(tmp_path)


def test_a_file_beside_the_known_secrets_is_checked_too(tmp_path: Path) -> None:
    keep_issuers(tmp_path)
    (tmp_path / "secrets" / "slack_url").write_text("https://evil.example")
    (tmp_path / "secrets" / "slack_url").chmod(0o666)
    with pytest.raises(AccessError, match="slack_url"):
        check_home(tmp_path)


def test_the_command_refuses_planted_secrets_in_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    keep_issuers(stack.home)
    stack.home.chmod(0o777)
    for command in (("up",), ("token", "--role", "viewer")):
        refused = stack.run(*command, code=77)
        assert len(refused.stderr.splitlines()) == 1
        assert f"chmod go-w {stack.home}" in refused.stderr
        assert "VFACTORY_HOME" in refused.stderr
        assert refused.stdout == ""


def test_a_state_directory_that_was_copied_with_its_modes_is_as_good(tmp_path: Path) -> None:
    kept = keep_secret(tmp_path / "first", "postgres")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    found = find_secret(tmp_path / "second", "postgres")
    assert found is not None
    assert found.value == kept.value
