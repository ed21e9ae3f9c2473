"""What is hardly HTTP: every service refuses it at once, says why, and goes on."""

import json

import httpx
import pytest

from support.plant.apis import SERVICES, Started, admin_token
from support.servers.raw_http import request, talk

LIST = {"factory-core": "/v1/factories", "incident-event": "/v1/rules", "asset-management": "/v1/assets"}
JSON = "Content-Type: application/json"

# name → (bytes, {path} in them a path that exists and {auth} a valid token; status; a word of the detail)
NO_REQUESTS: dict[str, tuple[bytes, int, str]] = {
    "noise": (b"\x00\x01\x02\r\n\r\n", 400, "method"),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + b"x" * 60, 400, "method"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "PRI"),
    "HTTP/9.9": (b"GET {path} HTTP/9.9\r\nHost: x\r\n\r\n", 400, "version"),
    "unknown method": (b"FOO {path} HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "method"),
    "method in lower case": (b"get {path} HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "method"),
    "CONNECT": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "url"),
    "no slash": (b"GET v1 HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "url"),
    "impossible address": (b"GET http://[::1/v1 HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "url"),
    "bare LF": (b"GET {path} HTTP/1.1\nHost: x\n\n", 400, "CRLF"),
    "bytes in the path": (b"GET {path}/\xff\xfe HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "path"),
    "NUL in the path": (b"GET {path}/\x00 HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "path"),
    "bytes in the query": (b"GET {path}?cursor=\xff HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 400, "query"),
    "NUL in a header": (b"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}X: a\x00b\r\n\r\n", 400, "header"),
    "space in a header's name": (b"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}X Y: a\r\n\r\n", 400, "header"),
    "space before the colon": (b"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}X : a\r\n\r\n", 400, "header"),
    "folded header": (b"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}X: a\r\n b\r\n\r\n", 400, "header"),
    "path of 100 kB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, "long"),
    "path of 20 kB": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "8192"),
    "header of 40 kB": (b"GET {path} HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431, "32768"),
    "head without end": (b"GET {path} HTTP/1.1\r\n" + b"X: aaaaaaaa\r\n" * 7000, 431, "65536"),
    "percent-encoded bytes": (b"GET {path}/%ff%fe HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 422, "UTF-8"),
    "percent-encoded NUL": (b"GET {path}/%00 HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 422, "U+0000"),
    "percent-encoded query": (b"GET {path}?x=%ff HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 422, "UTF-8"),
    "two tokens": (b"GET {path} HTTP/1.1\r\nHost: x\r\n{auth}{auth}\r\n", 401, "More than one"),
    "dots": (b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 404, "nothing"),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 404, "nothing"),
    "TRACE": (b"TRACE {path} HTTP/1.1\r\nHost: x\r\n{auth}\r\n", 405, "GET, HEAD, POST"),
}  # fmt: skip

FRAMINGS: dict[str, tuple[list[str], bytes, int, str]] = {
    "length and chunks": (["Content-Length: 4", "Transfer-Encoding: chunked"], b"0\r\n\r\n", 400, "Length"),
    "two lengths": (["Content-Length: 2", "Content-Length: 3"], b"{}", 400, "Length"),
    "negative length": (["Content-Length: -2"], b"{}", 400, "Length"),
    "length of 23 digits": (["Content-Length: 99999999999999999999999"], b"{}", 400, "Length"),
    "length that is no number": (["Content-Length: x"], b"{}", 400, "Length"),
    "2 GiB": (["Content-Length: 2147483648"], b"{}", 413, "bytes"),
    "unknown transfer coding": (["Transfer-Encoding: gzip"], b"{}", 400, "Transfer-Encoding"),
    "chunk size that is none": (["Transfer-Encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n", 400, "chunk"),
    "chunk without end": (["Transfer-Encoding: chunked"], b"ffffffffffffffffff\r\n{}", 400, "hunk"),
}  # fmt: skip


def auth() -> str:
    return f"Authorization: Bearer {admin_token()}"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_proper_request_is_refused_with_a_reason(
    started: Started, service: str, name: str
) -> None:
    raw, status, word = NO_REQUESTS[name]
    sent = raw.replace(b"{path}", LIST[service].encode()).replace(b"{auth}", f"{auth()}\r\n".encode())
    answer = talk(started(service).base_url, sent)
    assert answer is not None
    assert answer.status == status
    assert word in answer.problem["detail"]
    assert answer.seconds < 5


@pytest.mark.parametrize("name", FRAMINGS)
@pytest.mark.parametrize(
    ("service", "path"), [("factory-core", "/v1/factories"), ("incident-event", "/v1/incidents")]
)
def test_a_body_whose_length_is_in_doubt_is_refused_and_leaves_nothing(
    started: Started, service: str, path: str, name: str
) -> None:
    headers, body, status, word = FRAMINGS[name]
    url = started(service).base_url
    sent = request(f"POST {path} HTTP/1.1", auth(), JSON, *headers, body=body)
    answer = talk(url, sent)
    assert answer is not None
    assert answer.status == status
    assert word in answer.problem["detail"]
    assert httpx.get(url + "/health").status_code == 200


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("length", [2, 2**31])
def test_a_body_on_get_is_not_looked_at(started: Started, service: str, length: int) -> None:
    headers = [auth(), JSON, f"Content-Length: {length}"]
    answer = talk(started(service).base_url, request("GET /health HTTP/1.1", *headers, body=b"{"))
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("service", SERVICES)
def test_two_requests_in_one_go_get_two_answers(started: Started, service: str) -> None:
    one = request("GET /health/live HTTP/1.1")
    last = request("GET /nothing HTTP/1.1", "Connection: close")
    answer = talk(started(service).base_url, one, one, last)
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
def test_an_upgrade_nobody_offers_is_answered_as_if_it_were_not_asked_for(
    started: Started, service: str, upgrade: str
) -> None:
    headers = ["Connection: Upgrade", f"Upgrade: {upgrade}"]
    answer = talk(started(service).base_url, request("GET /health/live HTTP/1.1", *headers))
    assert answer is not None
    assert json.loads(answer.body)["status"] == "alive"


@pytest.mark.parametrize("service", SERVICES)
def test_a_parameter_given_twice_is_refused_by_name(started: Started, service: str) -> None:
    headers = {"Authorization": auth().removeprefix("Authorization: ")}
    factory = "factory=00000000-0000-0000-0000-000000000001&" if service != "factory-core" else ""
    url = f"{started(service).base_url}{LIST[service]}?{factory}limit=1&limit=2"
    answer = httpx.get(url, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "limit", "detail": "may be given once only"}]


def test_a_list_of_values_may_be_given_as_often_as_there_are_values(started: Started) -> None:
    headers = {"Authorization": auth().removeprefix("Authorization: ")}
    query = "factory=00000000-0000-0000-0000-000000000001&severity=1&severity=2"
    answer = httpx.get(f"{started('incident-event').base_url}/v1/incidents?{query}", headers=headers)
    assert answer.status_code == 200


def test_a_header_the_route_reads_may_be_sent_once_only(started: Started) -> None:
    body = b"{}"
    headers = [auth(), JSON, "Idempotency-Key: a", "Idempotency-Key: b", f"Content-Length: {len(body)}"]
    sent = request("POST /v1/incidents HTTP/1.1", *headers, body=body)
    answer = talk(started("incident-event").base_url, sent)
    assert answer is not None
    assert answer.status == 422
