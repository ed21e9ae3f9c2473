"""Tokens signed with the local secret: what is accepted, what is refused, and what is remembered."""

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.auth import Issuer, Principal, Role, SharedSecret, TokenVerifier, issue_token
from utils.auth.jws import MAX_TOKEN_CHARS
from utils.auth.signing import DEFAULT_LIFETIME
from utils.errors import NotFoundError, UnauthorizedError

SECRET = b"0123456789abcdef0123456789abcdef"
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
FACTORY = UUID("01900000-0000-7000-8000-000000000001")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> TokenVerifier:
    return verifier_at(clock)


def verifier_at(now: Callable[[], datetime], cache_size: int = 4096) -> TokenVerifier:
    keys = SharedSecret(SECRET)
    return TokenVerifier([Issuer("v-factory", "v-factory", keys)], now=now, cache_size=cache_size)


def claims(**changes: Any) -> dict[str, Any]:
    stamp = int(START.timestamp())
    good = {
        "sub": "kim",
        "role": "operator",
        "factories": [str(FACTORY)],
        "iat": stamp,
        "exp": stamp + 3600,
        "iss": "v-factory",
        "aud": "v-factory",
        "jti": "one",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def signed(payload: dict[str, Any], key: bytes = SECRET) -> str:
    return jwt.encode(payload, key, algorithm="HS256")


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def refusal(verifier: TokenVerifier, token: str) -> UnauthorizedError:
    with pytest.raises(UnauthorizedError) as caught:
        await verifier.verify(token)
    return caught.value


async def test_a_token_says_who_asks_as_what_for_which_factories_and_until_when(
    verifier: TokenVerifier,
) -> None:
    principal = await verifier.verify(signed(claims()))
    assert principal == Principal("kim", Role.OPERATOR, frozenset({FACTORY}), START.timestamp() + 3600)


@pytest.mark.parametrize("role", Role)
async def test_an_issued_token_is_accepted_for_every_factory_by_default(clock: Clock, role: Role) -> None:
    token = issue_token(SECRET, subject="kim", role=role, now=clock)
    expires_at = (START + DEFAULT_LIFETIME).timestamp()
    assert await verifier_at(clock).verify(token) == Principal("kim", role, None, expires_at)


async def test_an_issued_token_may_name_its_factories(clock: Clock, verifier: TokenVerifier) -> None:
    others = [uuid4(), uuid4()]
    token = issue_token(SECRET, subject="kim", role=Role.VIEWER, factories=others, now=clock)
    assert (await verifier.verify(token)).factories == frozenset(others)


async def test_an_issued_token_lives_twelve_hours(clock: Clock, verifier: TokenVerifier) -> None:
    token = issue_token(SECRET, subject="kim", role=Role.VIEWER, now=clock)
    clock.now += timedelta(hours=12) - timedelta(seconds=1)
    await verifier.verify(token)
    clock.now += timedelta(seconds=7)
    assert "expired" in (await refusal(verifier, token)).detail


def test_two_tokens_for_the_same_subject_differ_in_their_id(clock: Clock) -> None:
    def identity() -> str:
        token = issue_token(SECRET, subject="kim", role=Role.VIEWER, now=clock)
        return str(jwt.decode(token, options={"verify_signature": False})["jti"])

    assert identity() != identity()


async def test_a_remembered_token_expires_all_the_same(clock: Clock, verifier: TokenVerifier) -> None:
    token = signed(claims())
    assert await verifier.verify(token) is await verifier.verify(token)
    clock.now += timedelta(seconds=3606)
    assert "expired" in (await refusal(verifier, token)).detail


@pytest.mark.parametrize("name", ["sub", "role", "factories", "iat", "exp", "iss", "aud", "jti"])
async def test_every_claim_is_required(verifier: TokenVerifier, name: str) -> None:
    error = await refusal(verifier, signed(claims(**{name: ...})))
    assert name in error.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", 7),
        ("sub", ""),
        ("sub", "k" * 201),
        ("sub", "a\0b"),
        ("sub", "a\nb"),
        ("sub", "a\ud800"),
        ("role", "root"),
        ("role", ["admin"]),
        ("factories", "all"),
        ("factories", "**"),
        ("factories", None),
        ("factories", ["*"]),
        ("factories", ["not-a-uuid"]),
        ("factories", {"id": str(FACTORY)}),
        ("iat", "yesterday"),
        ("iat", -1),
        ("exp", "never"),
        ("exp", None),
        ("exp", 1e300),
        ("exp", True),
        ("iss", ""),
        ("iss", "somebody-else"),
        ("aud", "somebody-else"),
        ("aud", []),
        ("aud", ["a", "b"]),
        ("aud", 7),
        ("jti", 7),
        ("jti", ""),
        ("nbf", "soon"),
    ],
)
async def test_a_claim_of_another_type_or_value_is_refused(
    verifier: TokenVerifier, name: str, value: object
) -> None:
    try:
        token = signed(claims(**{name: value}))
    except TypeError:  # PyJWT itself declines to issue some of these
        token = _sign_by_hand(claims(**{name: value}))
    error = await refusal(verifier, token)
    assert error.headers["WWW-Authenticate"].startswith('Bearer realm="v-factory", error="invalid_token"')


def _sign_by_hand(payload: dict[str, Any]) -> str:
    return jwt.PyJWS().encode(json.dumps(payload).encode(), SECRET, algorithm="HS256")


async def test_one_audience_of_several_is_enough(verifier: TokenVerifier) -> None:
    assert await verifier.verify(signed(claims(aud=["console", "v-factory"])))


@pytest.mark.parametrize("name", ["iat", "nbf"])
async def test_a_token_from_the_future_is_not_valid_yet(
    verifier: TokenVerifier, clock: Clock, name: str
) -> None:
    token = signed(claims(**{name: int(START.timestamp()) + 60}))
    assert "not valid yet" in (await refusal(verifier, token)).detail
    clock.now += timedelta(seconds=56)  # less than the leeway is missing
    await verifier.verify(token)


async def test_a_token_signed_with_another_key_is_refused(verifier: TokenVerifier) -> None:
    assert "signature" in (await refusal(verifier, signed(claims(), b"f" * 32))).detail


async def test_a_changed_payload_is_refused(verifier: TokenVerifier) -> None:
    header, _, signature = signed(claims()).split(".")
    forged = segment(claims(role="admin"))
    assert "signature" in (await refusal(verifier, f"{header}.{forged}.{signature}")).detail


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "RS256", "", None, 7, ["HS256"]])
async def test_only_the_configured_algorithm_is_accepted(verifier: TokenVerifier, algorithm: object) -> None:
    _, payload, signature = signed(claims()).split(".")
    for tail in ("", signature):
        await refusal(verifier, f"{segment({'alg': algorithm, 'typ': 'JWT'})}.{payload}.{tail}")


STRANGE: list[object] = [7, "", [], {}, "k" * 201, "a\0b", "a\ud800"]


@pytest.mark.parametrize(
    "header",
    [
        *({"alg": "HS256", "kid": kid} for kid in STRANGE),
        *({"alg": "HS256", "crit": crit} for crit in (["exp"], [], None, "exp")),
        *({}, [], "x", 7, None),
    ],
)
async def test_a_strange_header_is_refused(verifier: TokenVerifier, header: object) -> None:
    await refusal(verifier, with_payload(json.dumps(claims()).encode(), json.dumps(header).encode()))


async def test_an_overlong_token_is_refused_unread(verifier: TokenVerifier) -> None:
    token = signed(claims(padding="x" * MAX_TOKEN_CHARS))
    assert "longer" in (await refusal(verifier, token)).detail


@given(token=st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_=-]{0,40}){0,4}"))
async def test_no_text_but_a_token_is_accepted_or_breaks_the_verifier(token: str) -> None:
    await refusal(verifier_at(Clock()), token)


@given(payload=st.binary(max_size=300))
async def test_no_signed_payload_but_claims_is_accepted_or_breaks_the_verifier(payload: bytes) -> None:
    token = jwt.PyJWS().encode(payload, SECRET, algorithm="HS256")
    error = await refusal(verifier_at(Clock()), token)
    assert error.headers["WWW-Authenticate"].isascii()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CLAIM_NAMES = ["sub", "role", "factories", "iat", "exp", "iss", "aud", "jti", "nbf", "x"]


@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku"]), JSON),
    changes=st.dictionaries(st.sampled_from(CLAIM_NAMES), JSON),
)
async def test_a_signed_token_of_any_header_and_claims_is_a_principal_or_a_401(
    header: dict[str, Any], changes: dict[str, Any]
) -> None:
    payload = json.dumps({**claims(), **changes}).encode()
    token = with_payload(payload, json.dumps({"alg": "HS256", **header}).encode())
    [outcome] = await asyncio.gather(verifier_at(Clock()).verify(token), return_exceptions=True)
    if isinstance(outcome, UnauthorizedError):
        challenge = outcome.headers["WWW-Authenticate"]
        assert challenge.isascii()
        assert len(challenge) < 500
    else:
        assert isinstance(outcome, Principal)


async def test_a_long_value_is_not_repeated_at_length(verifier: TokenVerifier) -> None:
    error = await refusal(verifier, signed(claims(role="r" * 8_000)))
    assert len(error.detail) < 300


async def test_the_memory_for_verified_tokens_is_bounded_and_forgets_the_least_used(clock: Clock) -> None:
    verifier = verifier_at(clock, cache_size=2)
    first, second, third = (signed(claims(jti=str(number))) for number in range(3))
    remembered = await verifier.verify(first)
    forgotten = await verifier.verify(second)
    assert await verifier.verify(first) is remembered
    await verifier.verify(third)
    assert await verifier.verify(first) is remembered
    assert await verifier.verify(second) is not forgotten


async def test_no_token_reaches_the_log_or_the_answer(
    verifier: TokenVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    token = signed(claims(role="root"))
    with caplog.at_level(logging.DEBUG):
        error = await refusal(verifier, token)
    said = f"{caplog.text} {error.detail} {error.headers}"
    assert not any(part in said for part in token.split("."))


def test_another_factory_is_not_found_rather_than_forbidden() -> None:
    principal = Principal("kim", Role.ADMIN, frozenset({FACTORY}))
    principal.require_factory(FACTORY)
    with pytest.raises(NotFoundError):
        principal.require_factory(uuid4())


def test_a_token_for_every_factory_sees_each() -> None:
    Principal("kim", Role.VIEWER, None).require_factory(uuid4())


def with_payload(payload: bytes, header: bytes) -> str:
    """Return a token whose signature is right, whatever its parts hold."""
    signed_part = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = hmac.digest(SECRET, signed_part, "sha256")
    return b".".join([signed_part, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


DEEP, LONG = b'{"a":' * 1500 + b"1" + b"}" * 1500, b"9" * 6000
GOOD = b'{"alg":"HS256"}'
DISLIKED = {
    "a deep payload": (DEEP, GOOD),
    "a deep claim": (json.dumps(claims(x=None)).encode().replace(b"null", DEEP), GOOD),
    "a deep header": (json.dumps(claims()).encode(), DEEP),
    "a long number in the header": (json.dumps(claims()).encode(), GOOD[:-1] + b',"x":' + LONG + b"}"),
    "a long time": (json.dumps(claims(exp=None)).encode().replace(b"null", LONG), GOOD),
    "a payload that is not UTF-8": (json.dumps(claims(sub="kim")).encode().replace(b"kim", b"k\xffm"), GOOD),
    "a header that is not UTF-8": (json.dumps(claims()).encode(), GOOD[:-1] + b',"x":"\xff"}'),
}


@pytest.mark.parametrize("disliked", DISLIKED)
async def test_a_signed_token_with_parts_that_no_parser_likes_is_refused(
    verifier: TokenVerifier, disliked: str
) -> None:
    error = await refusal(verifier, with_payload(*DISLIKED[disliked]))
    assert error.status == 401
