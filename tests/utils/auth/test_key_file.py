"""Public keys in a file: what is read, and what happens when the file changes while the process runs."""

import logging
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from support.servers.oidc_provider import document, ec_jwk
from utils.auth import Issuer, Role, SigningKey, TokenVerifier, issue_token
from utils.auth.key_documents import MAX_DOCUMENT_BYTES, KeyDocumentError, parse_key_file
from utils.auth.key_file import KeyFile
from utils.errors import UnauthorizedError

OLD, NEW = SigningKey.generate(), SigningKey.generate()


def token(key: SigningKey) -> str:
    return issue_token(key, subject="kim", role=Role.VIEWER)


def verifier_of(file: Path) -> TokenVerifier:
    return TokenVerifier([Issuer("v-factory", "v-factory", KeyFile(file, look_seconds=0))])


def replace(file: Path, text: str | None) -> None:
    """Replace the file in one step, as Kubernetes does with a mounted Secret; None removes it."""
    if text is None:
        file.unlink()
        return
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.pem"
    path.write_text(OLD.public_pem)
    return path


async def test_a_rotation_interrupts_nobody(file: Path) -> None:
    verifier = verifier_of(file)
    assert await verifier.verify(token(OLD))
    replace(file, OLD.public_pem + NEW.public_pem)
    assert await verifier.verify(token(NEW))
    assert await verifier.verify(token(OLD))


async def test_a_withdrawn_key_ends_the_tokens_that_were_remembered(file: Path) -> None:
    verifier = verifier_of(file)
    sent = token(OLD)
    assert await verifier.verify(sent) is await verifier.verify(sent)
    replace(file, NEW.public_pem)
    with pytest.raises(UnauthorizedError, match="not known"):
        await verifier.verify(sent)


async def test_a_new_key_is_known_at_once_although_the_file_is_looked_at_seldom(file: Path) -> None:
    verifier = TokenVerifier([Issuer("v-factory", "v-factory", KeyFile(file, look_seconds=3600))])
    replace(file, NEW.public_pem)
    assert await verifier.verify(token(NEW))


@pytest.mark.parametrize("spoiled", ["", "-----BEGIN PUBLIC KEY-----", '{"keys":[]}', None])
async def test_a_spoiled_file_changes_nothing_and_is_told_once(
    file: Path, spoiled: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    verifier = verifier_of(file)
    replace(file, spoiled)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await verifier.verify(token(OLD))
    assert len([line for line in caplog.messages if "not read again" in line]) == 1
    replace(file, NEW.public_pem)
    assert await verifier.verify(token(NEW))


async def test_a_key_file_without_ids_serves_tokens_without_one_while_it_holds_one_key(file: Path) -> None:
    keys = KeyFile(file, look_seconds=0)
    assert await keys.find(None, "ES256")
    replace(file, OLD.public_pem + NEW.public_pem)
    assert await keys.find("unknown", "ES256") is None
    assert await keys.find(None, "ES256") is None


@pytest.mark.parametrize("kid", ["", "../../etc/passwd", "' OR 1=1 --", "\0", "k" * 10_000])
async def test_a_key_id_is_only_compared(file: Path, kid: str) -> None:
    assert await KeyFile(file).find(kid, "ES256") is None
    assert await KeyFile(file).find(OLD.kid + kid[:1] + " ", "ES256") is None


UNFIT = {
    "a private key": (OLD.pem, "private key"),
    "a private key beside a public one": (OLD.public_pem + NEW.pem, "private key"),
    "nothing": ("", "JSON"),
    "too much": ("x" * (MAX_DOCUMENT_BYTES + 1), "longer"),
    "a broken key": ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not P-256"),
    "a certificate": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not P-256"),
    "P-384": (SigningKey(ec.generate_private_key(ec.SECP384R1()), "", "").public_pem, "not P-256"),
    "1024 bits": (SigningKey(rsa.generate_private_key(65537, 1024), "", "").public_pem, "2048"),  # noqa: S505
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_file_that_is_no_public_key_is_refused(tmp_path: Path, unfit: str) -> None:
    content, reason = UNFIT[unfit]
    (tmp_path / "keys").write_text(content)
    with pytest.raises(KeyDocumentError, match=reason) as caught:
        KeyFile(tmp_path / "keys")
    assert "BEGIN" not in str(caught.value)


def test_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(KeyDocumentError, match="cannot be read"):
            KeyFile(path)


@given(
    content=st.binary(max_size=400) | st.builds(lambda tail: b"-----BEGIN " + tail, st.binary(max_size=200))
)
def test_any_content_gives_keys_or_a_refusal(content: bytes) -> None:
    with pytest.raises(KeyDocumentError):
        parse_key_file(content)


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    # RFC 7638 leaves no choice; the same key has the same id whatever document it comes from
    assert set(parse_key_file(OLD.public_pem.encode())) == {(OLD.kid, "ES256")}
    assert set(parse_key_file(document(ec_jwk("second")))) == {("second", "ES256")}
