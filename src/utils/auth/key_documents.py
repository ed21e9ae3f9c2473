"""Reads documents of public keys: JWKS (RFC 7517), and files of it or of PEM."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
MIN_RSA_BITS: Final = 2048  # RFC 7518, section 3.3
MAX_DOCUMENT_BYTES: Final = 256 * 1024

_ALGORITHM_OF: Final[Mapping[str, str]] = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
_CURVE_OF: Final[Mapping[str, str]] = {"ES256": "P-256", "EdDSA": "Ed25519"}
_PUBLIC: Final = frozenset({"kty", "kid", "n", "e", "crv", "x", "y"})
_THUMBPRINT_MEMBERS: Final = ("crv", "e", "kty", "n", "x", "y")  # RFC 7638, section 3.2, in their order
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)

KeyId = tuple[str | None, str]
"""A key's `kid` and its algorithm."""
Keys = dict[KeyId, PyJWK]


class KeyDocumentError(Exception):
    """A document of public keys cannot be read, or holds no usable key."""


def parse_jwks(document: bytes) -> Keys:
    """Return the signature keys of a JWKS document by (kid, algorithm), without keys of other kinds.

    Raises:
        KeyDocumentError: the document is not a JWKS, or no key in it can verify RS256, ES256 or EdDSA.
    """
    try:
        listed = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise KeyDocumentError("the document is not a JSON object") from error
    keys: Keys = {}
    for jwk in listed if isinstance(listed, list) else []:
        key = _usable_key(jwk)
        if key is not None:
            keys[key.key_id, key.algorithm_name] = key
    if not keys:
        raise KeyDocumentError(f"the document holds no {', '.join(ALGORITHMS)} signature key")
    return keys


def parse_key_file(document: bytes) -> Keys:
    """Return the keys of a file: a JWKS document, or public keys in PEM, each under its thumbprint.

    Raises:
        KeyDocumentError: it is neither, holds a private key, or no key for RS256, ES256 or EdDSA.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise KeyDocumentError(f"the document is longer than {MAX_DOCUMENT_BYTES} bytes")
    if not document.lstrip().startswith(b"-----BEGIN"):
        return parse_jwks(document)
    keys: Keys = {}
    for block in _PEM.finditer(document):
        if b"PRIVATE" in block.group(1):
            raise KeyDocumentError("the file holds a private key: only the public half belongs here")
        jwk = _public_jwk(block.group(0))
        key = None if jwk is None else _usable_key({**jwk, "kid": _thumbprint(jwk)})
        if key is None:
            raise KeyDocumentError(
                f"the file holds a key that is not P-256, Ed25519, or RSA of at least {MIN_RSA_BITS} bits"
            )
        keys[key.key_id, key.algorithm_name] = key
    if not keys:
        raise KeyDocumentError("the file holds no public key")
    return keys


def find_key(keys: Keys, kid: str | None, algorithm: str) -> PyJWK | None:
    """Return the key that a token's header names; without a `kid`, the only one of the algorithm."""
    if kid is not None:
        return keys.get((kid, algorithm))
    fitting = [key for (_, name), key in keys.items() if name == algorithm]
    return fitting[0] if len(fitting) == 1 else None


def is_any_withdrawn(old: Keys, new: Keys) -> bool:
    """Return whether a key of `old` is not in `new`, or is another key there."""
    return any(_material(new.get(name)) != _material(key) for name, key in old.items())


def key_id(public: object) -> str:
    """Return a public key's thumbprint (RFC 7638), its `kid` where it has no other."""
    return _thumbprint(_as_jwk(public))


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS if name in jwk}
    digest = sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _public_jwk(pem: bytes) -> dict[str, Any] | None:
    try:
        return _as_jwk(load_pem_public_key(pem))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _as_jwk(public: object) -> dict[str, Any]:
    match public:
        case ec.EllipticCurvePublicKey():
            return ECAlgorithm.to_jwk(public, as_dict=True)
        case rsa.RSAPublicKey():
            return RSAAlgorithm.to_jwk(public, as_dict=True)
        case ed25519.Ed25519PublicKey():
            return OKPAlgorithm.to_jwk(public, as_dict=True)
    raise ValueError("a key of another kind")


def _usable_key(jwk: Any) -> PyJWK | None:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHM_OF.get(str(jwk.get("kty")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    if jwk.get("crv") != _CURVE_OF.get(algorithm):
        return None
    if not isinstance(jwk.get("kid"), str | None):
        return None
    try:
        key = PyJWK({name: value for name, value in jwk.items() if name in _PUBLIC}, algorithm)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return None
    too_short = algorithm == "RS256" and key.key.key_size < MIN_RSA_BITS
    return None if too_short else key


def _material(key: PyJWK | None) -> object:
    return None if key is None else _as_jwk(key.key)
