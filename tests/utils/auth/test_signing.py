"""Issuing tokens: the private keys that can, and what the tokens hold."""

from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from utils.auth import Role, SigningKey, SigningKeyError, issue_token

KEY = SigningKey.generate()


def test_a_key_survives_its_text() -> None:
    again = SigningKey.read(KEY.pem)
    assert (again.kid, again.algorithm, again.public_pem) == (KEY.kid, "ES256", KEY.public_pem)


def test_nothing_that_prints_a_key_shows_its_private_half() -> None:
    secret = str(KEY.private.private_numbers().private_value)  # type: ignore[union-attr]
    assert secret not in f"{KEY!r} {KEY} {KEY.public_pem}"
    assert "PRIVATE" not in KEY.public_pem


def test_a_token_names_its_key_its_issuer_and_its_times() -> None:
    now = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    token = issue_token(KEY, subject="kim", role=Role.SERVICE, issuer="worker", now=lambda: now)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": KEY.kid, "typ": "JWT"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["iat"], claims["exp"] - claims["iat"]) == (
        "worker",
        now.timestamp(),
        43_200,
    )
    assert claims["jti"]


def pem(private: object, passphrase: bytes = b"") -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return private.private_bytes(encoding, kind, encryption).decode()  # type: ignore[attr-defined, no-any-return]


UNFIT = {
    "nothing": "",
    "a password": "hunter2",
    "a broken key": "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
    "a public key": KEY.public_pem,
    "a key with a passphrase": pem(KEY.private, b"hunter2"),
    "P-521": pem(ec.generate_private_key(ec.SECP521R1())),
    "1024 bits": pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - refused
    "X25519": pem(x25519.X25519PrivateKey.generate()),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_text_that_cannot_sign_is_refused_without_being_shown(unfit: str) -> None:
    with pytest.raises(SigningKeyError) as caught:
        SigningKey.read(UNFIT[unfit])
    assert "hunter2" not in str(caught.value)
    assert "BEGIN" not in str(caught.value)
