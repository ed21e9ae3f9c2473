"""The keys of one stack: private ones are secrets, and the services are shown the public halves only."""

import json
import stat
from pathlib import Path

import pytest

from utils.auth import Role, SigningKey, issue_token
from utils.auth.authorizer import create_verifier
from utils.errors import UnauthorizedError
from utils.settings import ServiceSettings
from vfactory.stack.errors import NotRunningError
from vfactory.stack.state import COMMAND, find_signing_key, keep_issuers, keep_secret


def settings(home: Path, *, worker: bool = False) -> ServiceSettings:
    issuers = keep_issuers(home)
    return ServiceSettings(
        database_url="postgresql://u:p@h/d",
        auth_issuers=issuers.trusted(worker=worker),
        auth_secret_file=issuers.shared_secret,
    )


def test_keys_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    first = keep_issuers(tmp_path)
    key = find_signing_key(tmp_path).kid
    assert keep_issuers(tmp_path) == first
    assert find_signing_key(tmp_path).kid == key
    for name in ("signing-key", "incident-event-worker-key"):
        assert stat.S_IMODE((tmp_path / "secrets" / name).stat().st_mode) == 0o600


def test_what_the_services_are_told_holds_no_private_key(tmp_path: Path) -> None:
    issuers = keep_issuers(tmp_path)
    for entry in json.loads(issuers.trusted(worker=True)):
        assert "PRIVATE" not in Path(entry["keys_file"]).read_text("ascii")
    assert issuers.shared_secret is None


async def test_the_commands_token_is_accepted_and_the_workers_only_as_a_service(tmp_path: Path) -> None:
    verifier = create_verifier(settings(tmp_path, worker=True))
    by_command = issue_token(find_signing_key(tmp_path), subject="kim", role=Role.ADMIN, issuer=COMMAND)
    assert (await verifier.verify(by_command)).role is Role.ADMIN
    worker = SigningKey.read(keep_issuers(tmp_path).worker_key.read_text("ascii"))
    for role in Role:
        sent = issue_token(worker, subject="w", role=role, issuer="incident-event-worker")
        if role is Role.SERVICE:
            assert await verifier.verify(sent)
        else:
            with pytest.raises(UnauthorizedError, match="may not grant"):
                await verifier.verify(sent)


async def test_a_token_of_an_earlier_releases_secret_holds_until_it_expires(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path, "auth")  # as the earlier release made it
    before = issue_token(secret.value, subject="kim", role=Role.OPERATOR)
    principal = await create_verifier(settings(tmp_path)).verify(before)
    assert (principal.role, principal.expires_at < float("inf")) == (Role.OPERATOR, True)


async def test_without_such_a_secret_nothing_signed_by_hs256_is_accepted(tmp_path: Path) -> None:
    verifier = create_verifier(settings(tmp_path))
    for issuer in (COMMAND, "v-factory"):
        with pytest.raises(UnauthorizedError):
            await verifier.verify(issue_token("s" * 40, subject="kim", role=Role.ADMIN, issuer=issuer))


def test_a_damaged_key_is_replaced_and_before_the_first_start_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="vfactory up"):
        find_signing_key(tmp_path)
    keep_issuers(tmp_path)
    before = find_signing_key(tmp_path).kid
    (tmp_path / "secrets" / "signing-key").write_text("x" * 40)
    with pytest.raises(NotRunningError):
        find_signing_key(tmp_path)
    keep_issuers(tmp_path)
    assert find_signing_key(tmp_path).kid != before
