"""Tokens of an OpenID provider: its keys are fetched, kept, and refreshed within bounds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from support.servers.oidc_provider import (
    Provider,
    document,
    ec_jwk,
    rsa_jwk,
    rsa_key,
    signed_with_public_key,
    token,
)
from support.waiting import wait_until
from utils.auth import Issuer, TokenVerifier
from utils.auth.jwks import JwksKeys
from utils.auth.key_documents import KeyDocumentError, parse_jwks
from utils.errors import UnauthorizedError, UnavailableError


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider(document(rsa_jwk("first"), ec_jwk("second")))
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def connect(provider: Provider) -> AsyncIterator[Callable[..., TokenVerifier]]:
    verifiers: list[TokenVerifier] = []

    def build(**limits: float) -> TokenVerifier:
        keys = JwksKeys(provider.url, **limits)
        verifiers.append(TokenVerifier([Issuer("v-factory", "v-factory", keys)]))
        return verifiers[-1]

    yield build
    for verifier in verifiers:
        await verifier.close()


Connect = Callable[..., TokenVerifier]


async def test_rs256_and_es256_tokens_are_accepted(connect: Connect, provider: Provider) -> None:
    verifier = connect()
    assert (await verifier.verify(token("first"))).subject == "kim"
    assert (await verifier.verify(token("second", algorithm="ES256"))).subject == "kim"
    assert provider.asked == 1


async def test_many_first_requests_fetch_the_keys_once(connect: Connect, provider: Provider) -> None:
    verifier = connect()
    await asyncio.gather(*(verifier.verify(token("first")) for _ in range(20)))
    assert provider.asked == 1


async def test_the_public_key_is_no_hmac_secret(connect: Connect) -> None:
    with pytest.raises(UnauthorizedError, match="RS256, ES256"):
        await connect().verify(signed_with_public_key("first"))


async def test_a_key_verifies_only_its_own_algorithm(connect: Connect) -> None:
    with pytest.raises(UnauthorizedError, match="not known"):
        await connect().verify(token("other", algorithm="ES256", kid="first"))


async def test_a_token_of_another_key_under_a_known_name_is_refused(connect: Connect) -> None:
    with pytest.raises(UnauthorizedError, match="signature"):
        await connect().verify(token("first", key=rsa_key("stranger")))


async def test_a_token_without_key_id_uses_the_only_key_that_fits(
    connect: Connect, provider: Provider
) -> None:
    assert await connect().verify(token("first", kid=None))
    provider.body = document(rsa_jwk("first"), rsa_jwk("third"))
    with pytest.raises(UnauthorizedError, match="not known"):
        await connect().verify(token("first", kid=None))


async def test_a_new_key_is_fetched_when_a_token_names_it(connect: Connect, provider: Provider) -> None:
    verifier = connect(pause_seconds=0)
    await verifier.verify(token("first"))
    provider.body = document(rsa_jwk("first"), rsa_jwk("third"))
    assert await verifier.verify(token("third"))
    assert provider.asked == 2


async def test_unknown_key_ids_cannot_make_a_storm_on_the_provider(
    connect: Connect, provider: Provider
) -> None:
    verifier = connect(pause_seconds=60)
    await verifier.verify(token("first"))
    for number in range(30):
        with pytest.raises(UnauthorizedError, match="not known"):
            await verifier.verify(token("first", kid=f"unknown-{number}"))
    assert provider.asked == 1


async def test_known_keys_serve_on_while_the_provider_is_down(connect: Connect, provider: Provider) -> None:
    verifier = connect(refresh_seconds=0, pause_seconds=0)
    await verifier.verify(token("first"))
    await provider.stop()
    for _ in range(3):
        assert await verifier.verify(token("first"))
        await asyncio.sleep(0.02)


async def test_keys_are_refreshed_behind_the_back_of_requests(connect: Connect, provider: Provider) -> None:
    verifier = connect(refresh_seconds=0, pause_seconds=0)
    await verifier.verify(token("first"))
    provider.stalls = True
    began = monotonic()
    assert await verifier.verify(token("second", algorithm="ES256"))
    assert monotonic() - began < 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (200, b"<html>"), (200, b"[]"), (200, document()), (200, b" " * 300_000), (302, b"")],
)
async def test_no_usable_answer_and_no_known_key_is_unavailable_not_unauthorized(
    connect: Connect, provider: Provider, status: int, body: bytes
) -> None:
    provider.status, provider.body = status, body
    with pytest.raises(UnavailableError) as caught:
        await connect().verify(token("first"))
    assert caught.value.headers["Retry-After"]


async def test_a_provider_that_is_down_is_unavailable_and_found_again(
    connect: Connect, provider: Provider
) -> None:
    verifier = connect(pause_seconds=0)
    port = int(provider.url.split(":")[2].split("/")[0])
    await provider.stop()
    with pytest.raises(UnavailableError):
        await verifier.verify(token("first"))
    await provider.start(port)
    assert await verifier.verify(token("first"))


async def test_a_provider_that_hangs_is_given_up_in_bounded_time(
    connect: Connect, provider: Provider
) -> None:
    provider.stalls = True
    verifier = connect(timeout_seconds=0.2)
    began = monotonic()
    with pytest.raises(UnavailableError):
        await verifier.verify(token("first"))
    assert monotonic() - began < 2


async def test_an_unknown_key_is_unavailable_while_the_provider_cannot_be_asked(
    connect: Connect, provider: Provider
) -> None:
    verifier = connect(pause_seconds=0)
    await verifier.verify(token("first"))
    await provider.stop()
    with pytest.raises(UnavailableError):
        await verifier.verify(token("third"))


async def test_a_withdrawn_key_ends_the_tokens_it_signed(connect: Connect, provider: Provider) -> None:
    verifier = connect(pause_seconds=0)
    signed = token("first")
    await verifier.verify(signed)
    provider.body = document(rsa_jwk("third"))
    await verifier.verify(token("third"))
    with pytest.raises(UnauthorizedError, match="not known"):
        await verifier.verify(signed)


async def test_a_withdrawn_key_ends_its_tokens_also_where_no_new_token_comes(
    connect: Connect, provider: Provider
) -> None:
    verifier = connect(refresh_seconds=0, pause_seconds=0)
    sent = token("first")
    await verifier.verify(sent)
    provider.body = document(rsa_jwk("third"))

    async def refused() -> bool:
        try:
            await verifier.verify(sent)
        except UnauthorizedError:
            return True
        return False

    await wait_until(refused, "the remembered token is refused")


@pytest.mark.parametrize(
    "unfit",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
        rsa_jwk("enc", use="enc"),
        rsa_jwk("rs512", alg="RS512"),
        rsa_jwk("kid", kid=7),
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {
            **RSAAlgorithm.to_jwk(
                rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key(),  # noqa: S505 - refused below
                as_dict=True,
            ),
            "kid": "short",
        },
        "text",
        None,
    ],
)
def test_a_key_that_cannot_verify_is_left_out(unfit: object) -> None:
    assert set(parse_jwks(document(unfit, rsa_jwk("first")))) == {("first", "RS256")}
    with pytest.raises(KeyDocumentError):
        parse_jwks(document(unfit))


async def test_a_private_key_published_by_mistake_is_used_as_public_key_only() -> None:
    private = {**RSAAlgorithm.to_jwk(rsa_key("first"), as_dict=True), "kid": "first"}
    key = parse_jwks(document(private))["first", "RS256"]
    assert isinstance(key.key, rsa.RSAPublicKey)


FRAGMENTS = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("AQAB")
JWK = st.dictionaries(
    st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "use", "alg"]),
    FRAGMENTS | st.sampled_from(["RSA", "EC", "P-256", "sig"]),
)


@given(keys=st.lists(JWK | FRAGMENTS, max_size=4))
def test_any_document_gives_keys_or_a_refusal(keys: list[Any]) -> None:
    with suppress(KeyDocumentError):
        assert parse_jwks(document(*keys))


def test_a_document_nested_too_deeply_is_refused() -> None:
    with pytest.raises(KeyDocumentError):
        parse_jwks(b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
