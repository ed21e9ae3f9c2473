"""The event stream under nonsense: whatever is asked, it opens and lives, or is refused with a reason."""

import re
import time
from urllib.parse import quote, urlencode

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.incident_event import EVENT_TYPES
from support.plant.apis import Started, admin_token
from support.servers.raw_http import Answer, request, talk

FACTORY = "00000000-0000-0000-0000-000000000001"
OPENING_SECONDS = 10.0

factories = st.one_of(st.just(FACTORY), st.uuids().map(str), st.text(max_size=60))
types = st.one_of(
    st.none(),
    st.lists(st.one_of(st.sampled_from(sorted(EVENT_TYPES)), st.text(max_size=20)), max_size=40).map(
        ",".join
    ),
    st.text(max_size=1200),
)
last_ids = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["", "0", "00", "+1", "1.0", "1e3", "0x1", " 1", "null", "9" * 100, "9" * 101, "²", "٣"]),
    st.text(max_size=120),
)
headers = st.dictionaries(
    st.sampled_from(["Accept", "Accept-Encoding", "Range", "If-None-Match", "X-Request-ID", "TE"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=50),
    max_size=3,
)  # fmt: skip
others = st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=2)


def encoded_header(value: str) -> str:
    """Keep what may stand in a header; the rest is test_protocol's affair."""
    return "".join(character for character in value if character.isprintable() and character.isascii())


def ask(url: str, query: str, *more: str, seconds: float = OPENING_SECONDS) -> Answer | None:
    line = f"GET /v1/events?{query} HTTP/1.1"
    return talk(
        url, request(line, f"Authorization: Bearer {admin_token()}", *more), seconds=seconds, until=b"\n\n"
    )


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(factory=factories, types=types, last_id=last_ids, header_id=last_ids, headers=headers, others=others)
def test_whatever_is_asked_it_opens_or_says_what_is_wrong(
    *,
    started: Started,
    factory: str,
    types: str | None,
    last_id: str | None,
    header_id: str | None,
    headers: dict[str, str],
    others: dict[str, str],
) -> None:
    query = {"factory": factory, "types": types, "last_event_id": last_id, **others}
    sent = {name: value for name, value in query.items() if value is not None}
    fields = [f"{name}: {encoded_header(value)}" for name, value in headers.items()]
    if header_id is not None:
        fields.append(f"Last-Event-ID: {encoded_header(header_id)}")
    url = started("incident-event").base_url
    answer = ask(url, urlencode(sent, errors="surrogatepass", quote_via=quote), *fields)
    assert answer is not None
    assert answer.seconds < OPENING_SECONDS
    if answer.status == 200:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert b"\nretry: 2000\n" in answer.body
    else:
        assert answer.status in (414, 422)
        assert answer.status == 414 or answer.problem["errors"]


def test_noise_after_the_request_ends_the_stream_and_puts_no_answer_into_it(started: Started) -> None:
    url = started("incident-event").base_url
    line = f"GET /v1/events?factory={FACTORY} HTTP/1.1"
    opening = request(line, f"Authorization: Bearer {admin_token()}")
    began = time.monotonic()
    answer = talk(url, opening, b"\x00 noise \r\n\r\n", seconds=5, pause=0.5)
    assert time.monotonic() - began < 5
    assert answer is not None
    assert answer.status == 200
    assert b"HTTP/1.1" not in answer.body


def test_after_all_that_nobody_is_left_on_a_stream(started: Started) -> None:
    url = started("incident-event").base_url
    with httpx.Client(headers={"Authorization": f"Bearer {admin_token()}"}) as client:
        with client.stream("GET", f"{url}/v1/events", params={"factory": FACTORY}):
            assert listeners(url) >= 1
        deadline = time.monotonic() + 10
        while listeners(url):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def listeners(url: str) -> float:
    """Return how many streams the process says that it serves."""
    found = re.search(r"^vfactory_sse_clients (\S+)$", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])
