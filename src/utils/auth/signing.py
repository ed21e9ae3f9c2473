"""Issues tokens, with a private key of the issuer's or, deprecated, with a shared secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from utils.auth.key_documents import MIN_RSA_BITS, key_id
from utils.auth.principal import Role
from utils.clock import Now, utc_now

DEFAULT_LIFETIME: Final = timedelta(hours=12)
DEFAULT_ISSUER: Final = "v-factory"
DEFAULT_AUDIENCE: Final = "v-factory"

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class SigningKeyError(Exception):
    """A text is no private key that can sign tokens; the error's text holds nothing of the key."""


@dataclass(frozen=True, repr=False)
class SigningKey:
    """An issuer's private key, its algorithm, and its id: the thumbprint of its public half (RFC 7638)."""

    private: PrivateKey
    algorithm: str
    kid: str

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key for ES256."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, pem: str) -> SigningKey:
        """Return the key that a PEM text (PKCS #8, without a passphrase) holds.

        Raises:
            SigningKeyError: it holds none, or none for RS256, ES256 or EdDSA.
        """
        try:
            return cls._of(serialization.load_pem_private_key(pem.encode(), password=None))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError("not a private key in PEM without a passphrase") from error

    @classmethod
    def _of(cls, private: object) -> SigningKey:
        match private:
            case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
                algorithm = "ES256"
            case rsa.RSAPrivateKey(key_size=bits) if bits >= MIN_RSA_BITS:
                algorithm = "RS256"
            case ed25519.Ed25519PrivateKey():
                algorithm = "EdDSA"
            case _:
                raise SigningKeyError(f"must be of P-256, Ed25519, or RSA of at least {MIN_RSA_BITS} bits")
        return cls(private, algorithm, key_id(private.public_key()))

    @property
    def pem(self) -> str:
        """The private key as a PEM text; whoever has it can issue tokens."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def public_pem(self) -> str:
        """The public half as a PEM text, for the services."""
        return (
            self.private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )


def issue_token(
    key: SigningKey | bytes | str,
    *,
    subject: str,
    role: Role,
    factories: Iterable[UUID] | Literal["*"] = "*",
    lifetime: timedelta = DEFAULT_LIFETIME,
    issuer: str = DEFAULT_ISSUER,
    audience: str = DEFAULT_AUDIENCE,
    now: Now = utc_now,
) -> str:
    """Return a token valid from now for `lifetime`, signed with a private key or with the shared secret."""
    issued_at = int(now().timestamp())
    claims = {
        "sub": subject,
        "role": str(role),
        "factories": "*" if factories == "*" else sorted(str(factory) for factory in factories),
        "iat": issued_at,
        "exp": issued_at + int(lifetime.total_seconds()),
        "iss": issuer,
        "aud": audience,
        "jti": str(uuid4()),
    }
    if isinstance(key, SigningKey):
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid})
    return jwt.encode(claims, key, algorithm="HS256")
