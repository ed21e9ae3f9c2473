"""The issuers that a service trusts: each by its own keys, for its own audience and roles, and no further."""

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from support.servers.oidc_provider import document, rsa_jwk
from utils.auth import Issuer, Role, SigningKey, TokenVerifier, issue_token
from utils.auth.authorizer import create_verifier
from utils.auth.key_file import KeyFile
from utils.errors import UnauthorizedError
from utils.settings import ServiceSettings, SettingsError

SECRET = "0123456789abcdef0123456789abcdef"
PLANT, WORKER = SigningKey.generate(), SigningKey.generate()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the public keys of two issuers."""
    (tmp_path / "plant.pem").write_text(PLANT.public_pem)
    (tmp_path / "worker.pem").write_text(WORKER.public_pem)
    return tmp_path


def entry(issuer: str, keys_file: Path | str, *roles: Role, **more: Any) -> dict[str, Any]:
    return {"issuer": issuer, "keys_file": str(keys_file), "roles": list(roles or Role), **more}


def settings(listed: object = None, **values: Any) -> ServiceSettings:
    issuers = (
        {} if listed is None else {"auth_issuers": listed if isinstance(listed, str) else json.dumps(listed)}
    )
    return ServiceSettings(database_url="postgresql://u:p@127.0.0.1:1/db", **issuers, **values)


def two(keys: Path) -> TokenVerifier:
    """A verifier that trusts the plant for people and the worker for services."""
    people = [role for role in Role if role is not Role.SERVICE]
    return create_verifier(
        settings(
            [
                entry("plant", keys / "plant.pem", *people),
                entry("worker", keys / "worker.pem", Role.SERVICE, audience="events"),
            ]
        )
    )


def token(key: SigningKey | str, issuer: str, role: Role = Role.VIEWER, **more: Any) -> str:
    return issue_token(key, subject="kim", role=role, issuer=issuer, **more)


async def refusal(verifier: TokenVerifier, sent: str) -> str:
    with pytest.raises(UnauthorizedError) as caught:
        await verifier.verify(sent)
    return caught.value.detail


@pytest.mark.parametrize("role", Role)
async def test_each_issuer_grants_its_own_roles_and_no_other(keys: Path, role: Role) -> None:
    verifier = two(keys)
    by_plant = token(PLANT, "plant", role)
    by_worker = token(WORKER, "worker", role, audience="events")
    for sent, granted in ((by_plant, role is not Role.SERVICE), (by_worker, role is Role.SERVICE)):
        if granted:
            assert (await verifier.verify(sent)).role is role
        else:
            assert f"may not grant the role {role}" in await refusal(verifier, sent)


async def test_no_issuer_speaks_in_the_name_of_another(keys: Path) -> None:
    assert "not known" in await refusal(two(keys), token(WORKER, "plant", Role.ADMIN))


async def test_the_key_id_of_another_issuer_is_not_looked_up(keys: Path) -> None:
    forged = jwt.encode(
        jwt.decode(token(WORKER, "plant", Role.ADMIN), options={"verify_signature": False}),
        WORKER.private,
        algorithm="ES256",
        headers={"kid": PLANT.kid},
    )
    assert "signature" in await refusal(two(keys), forged)


async def test_an_audience_belongs_to_its_issuer(keys: Path) -> None:
    verifier = two(keys)
    assert "audience" in await refusal(verifier, token(WORKER, "worker", Role.SERVICE))
    assert "audience" in await refusal(verifier, token(PLANT, "plant", audience="events"))


async def test_an_issuer_that_is_not_listed_is_refused(keys: Path) -> None:
    for issuer in ("Plant", "plant ", "v-factory", "../plant"):
        assert "another issuer" in await refusal(two(keys), token(PLANT, issuer))


@pytest.mark.parametrize("algorithm", ["HS256", "none", "ES384", "PS256"])
async def test_the_key_and_not_the_token_says_which_algorithm_is_used(keys: Path, algorithm: str) -> None:
    header = {"alg": algorithm, "kid": PLANT.kid}
    head = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    payload = token(PLANT, "plant").split(".")[1]
    secret = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mac = secret.sign(f"{head}.{payload}".encode(), PLANT.public_pem.encode())
    forged = f"{head}.{payload}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert "RS256, ES256, EdDSA" in await refusal(two(keys), forged)


@pytest.mark.parametrize(
    "private",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RS256", "ES256", "EdDSA"],
)
async def test_a_key_of_each_algorithm_verifies(private: Any, tmp_path: Path) -> None:
    key = SigningKey.read(SigningKey(private, "", "").pem)
    (tmp_path / "one.pem").write_text(key.public_pem)
    verifier = TokenVerifier([Issuer("plant", "v-factory", KeyFile(tmp_path / "one.pem"))])
    assert (await verifier.verify(token(key, "plant"))).subject == "kim"


async def test_beside_a_list_the_secret_of_before_holds(keys: Path) -> None:
    both = create_verifier(settings([entry("plant", keys / "plant.pem")], auth_secret=SECRET))
    assert await both.verify(token(PLANT, "plant"))
    assert await both.verify(token(SECRET, "v-factory"))
    assert "must be signed" in await refusal(both, token(SECRET, "plant"))


async def test_paths_are_relative_to_the_file_that_lists_the_issuers(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (keys / "issuers.json").write_text(json.dumps([entry("plant", "plant.pem")]))
    monkeypatch.setenv("AUTH_ISSUERS_FILE", str(keys / "issuers.json"))
    assert await create_verifier(settings()).verify(token(PLANT, "plant"))


def test_only_the_secret_is_deprecated_aloud(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    def warnings(build: Callable[[], object]) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            build()
        return [line for line in caplog.messages if "deprecated" in line]

    assert len(warnings(lambda: create_verifier(settings(auth_secret=SECRET)))) == 1
    both = settings([entry("plant", keys / "plant.pem")], auth_secret=SECRET)
    assert warnings(lambda: create_verifier(both)) == []


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ("[", "must be a JSON list"),
        ("{}", "must be a JSON list"),
        ("[" * 9_000, "must be a JSON list"),
        ("[]", "is required"),
        ([{"issuer": "plant", "keys_file": "/x"}], "roles"),
        ([{"issuer": "plant", "keys_file": "/x", "roles": []}], "roles"),
        ([{"issuer": "plant", "keys_file": "/x", "roles": ["emperor"]}], "emperor"),
        ([{"issuer": "", "keys_file": "/x", "roles": ["viewer"]}], "issuer"),
        ([{"issuer": "plant", "roles": ["viewer"]}], "either jwks_url or keys_file"),
        ([{"issuer": "plant", "roles": ["viewer"], "keys_file": "/x", "jwks_url": "https://x"}], "either"),
        ([{"issuer": "plant", "roles": ["viewer"], "jwks_url": "file:///x"}], "https://"),
        ([{"issuer": "plant", "roles": ["viewer"], "keys_file": "x"}], "absolute"),
        ([{"issuer": "plant", "roles": ["viewer"], "keys_file": "/none"}], "/none: the file cannot be read"),
        ([{"issuer": "plant", "roles": ["viewer"], "keys_file": "/\0"}], "not a path"),
        ([{"issuer": "plant", "roles": ["viewer"], "keyfile": "/x"}], "keyfile"),
    ],
)
def test_a_list_that_cannot_be_used_stops_the_start_by_name(listed: object, problem: str) -> None:
    with pytest.raises(SettingsError, match="AUTH_ISSUERS") as caught:
        create_verifier(settings(listed))
    assert problem in str(caught.value)
    assert "`" not in str(caught.value)


@pytest.mark.parametrize("name", ["plant", "v-factory"])
def test_two_issuers_of_one_name_stop_the_start(keys: Path, name: str) -> None:
    listed = [entry(name, keys / "plant.pem"), entry("other", keys / "plant.pem")]
    if name == "plant":
        listed.append(entry("plant", keys / "worker.pem"))
    with pytest.raises(SettingsError, match=f"two issuers have the name {name}"):
        create_verifier(settings(listed, auth_secret=SECRET))


async def test_many_tokens_of_many_issuers_share_one_bounded_memory(keys: Path) -> None:
    issuers = [Issuer(name, "v-factory", KeyFile(keys / f"{name}.pem")) for name in ("plant", "worker")]
    verifier = TokenVerifier(issuers, cache_size=1)
    first, second = token(PLANT, "plant"), token(WORKER, "worker")
    for _ in range(2):
        assert await verifier.verify(first) is not await verifier.verify(second)


@pytest.mark.parametrize("changes", [{"lifetime": timedelta(days=366)}, {"lifetime": timedelta(seconds=1)}])
async def test_the_life_of_a_token_is_its_issuers_choice(keys: Path, changes: dict[str, Any]) -> None:
    assert await two(keys).verify(token(PLANT, "plant", **changes))


async def test_a_document_of_a_provider_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(document(rsa_jwk("first"), {"kty": "oct", "k": "c2VjcmV0"}))
    assert await KeyFile(tmp_path / "keys.json").find("first", "RS256")
