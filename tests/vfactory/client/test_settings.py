"""Addresses, tokens and numbers that cannot be used: one sentence and exit code 2, and no secret in it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from vfactory.cli import build

SECRET = "s3cr3t"


@pytest.mark.parametrize("token", [f"{SECRET}é", f"{SECRET}\x01", f"a\n{SECRET}", f"{SECRET}\udcff"])
def test_a_token_that_cannot_be_sent_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("VFACTORY_TOKEN", token)
    ended = CliRunner().invoke(build(), ["factories", "list", "--url", "http://127.0.0.1:9"])

    assert ended.exit_code == 2
    assert ended.stderr.startswith("vfactory: VFACTORY_TOKEN: the token cannot be sent: it must be")
    assert SECRET not in ended.output


def test_a_newline_after_a_token_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFACTORY_TOKEN", f"{SECRET}\n")
    ended = CliRunner().invoke(build(), ["factories", "list", "--url", "http://127.0.0.1:9"])

    assert ended.exit_code == 3
    assert SECRET not in ended.output


@pytest.mark.parametrize(
    "url",
    [f"http://user:{SECRET}@host", "http://[::1", "http://h:abc", "http://h\n", " http://h", "http://h?x=1"],
)
def test_a_wrong_address_is_a_sentence(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("VFACTORY_URL", url)
    monkeypatch.setenv("VFACTORY_TOKEN", "token")
    ended = CliRunner().invoke(build(), ["factories", "list"])

    assert ended.exit_code == 2
    assert ended.stderr.startswith("vfactory: the address of factory-core is not valid: it")
    assert SECRET not in ended.output


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("option", ["--above", "--below", "--for", "--deadband", "--lateness"])
def test_a_number_that_is_not_finite_is_named_by_its_option(option: str, value: str) -> None:
    command = ["rules", "add", "--equipment", "p", "--metric", "m", f"{option}={value}"]
    ended = CliRunner().invoke(build(), command)

    assert ended.exit_code == 2
    assert option in ended.stderr
    assert "is not a finite number" in ended.stderr


def test_a_floor_is_of_finite_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFACTORY_TOKEN", "token")
    command = ["factories", "add", "A", "--floor", "nanx1x1", "--url", "http://127.0.0.1:9"]
    ended = CliRunner().invoke(build(), command)

    assert (ended.exit_code, ended.stderr) == (2, "vfactory: --floor must be finite numbers, not 'nanx1x1'\n")


def test_no_token_is_sent_to_addresses_that_another_user_could_have_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("VFACTORY_HOME", str(tmp_path))
    monkeypatch.setenv("VFACTORY_TOKEN", SECRET)
    ended = CliRunner().invoke(build(), ["factories", "list"])

    assert ended.exit_code == 77
    assert f"chmod go-w {tmp_path}" in ended.stderr
    assert SECRET not in ended.output
