"""An OpenID provider for tests: its keys, the tokens it signs, and the server that shows the keys."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from time import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:  # noqa: ARG001 - one key per name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:  # noqa: ARG001 - one key per name
    return ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(name: str, **changes: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True), "kid": name, **changes}


def ec_jwk(name: str, **changes: Any) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(ec_key(name).public_key(), as_dict=True), "kid": name, **changes}


def document(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def token(name: str, *, algorithm: str = "RS256", key: Any = None, kid: str | None = "") -> str:
    claims = {
        "sub": "kim",
        "role": "viewer",
        "factories": "*",
        "iat": int(time()),
        "exp": int(time()) + 60,
        "iss": "v-factory",
        "aud": "v-factory",
        "jti": "one",
    }
    if key is None:
        key = rsa_key(name) if algorithm == "RS256" else ec_key(name)
    headers = {} if kid is None else {"kid": kid or name}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def signed_with_public_key(name: str) -> str:
    """Forge a token: HS256, with the provider's public key, which everybody knows, as the secret."""
    pem = (
        rsa_key(name)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    payload = token(name).split(".")[1]
    header = urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": name}).encode()).rstrip(b"=").decode()
    mac = hmac.digest(pem, f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@dataclass
class Provider:
    """A provider's HTTP server: what it answers can be changed while it runs."""

    body: bytes = b""
    status: int = 200
    stalls: bool = False
    asked: int = 0
    url: str = ""
    server: asyncio.Server | None = None
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.stalls:
            await reader.read()
        head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(self.body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        writer.close()

    async def start(self, port: int = 0) -> None:
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/keys"

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            for writer in self.open:
                writer.close()
            await self.server.wait_closed()
