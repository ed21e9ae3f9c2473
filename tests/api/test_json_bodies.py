"""JSON bodies no honest client sends, to every operation that takes one."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.plant.apis import SERVICES, Started, document, find_failures, operations, token_for

TAKERS = [
    (service, path)
    for service in SERVICES
    for method, path, operation in operations(service)
    if method == "POST" and "application/json" in operation.get("requestBody", {}).get("content", {})
]
DEEP = 10_000

# name → body; none of these is a body of anything
NO_BODIES: dict[str, bytes] = {
    "nested lists": b"[" * DEEP + b"]" * DEEP,
    "nested objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "half a megabyte of brackets": b"[" * 500_000,
    "integer of 5,000 digits": b'{"a":1' + b"0" * 5000 + b"}",
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "cut": b'{"name":"a',
    "comma at the end": b'{"name":"a",}',
    "comment": b'{"name":"a"/**/}',
    "two documents": b'{"name":"a"}{"name":"b"}',
    "null": b"null",
    "true": b"true",
    "number": b"-0",
    "text": b'"a"',
    "list": b"[]",
    "spaces": b"   ",
    "surrogate as a name": b'{"\\ud800":1}',
    "NUL as a name": b'{"\\u0000":1}',
    "name of 100 kB": b'{"' + b"a" * 100_000 + b'":1}',
    "10,000 names": json.dumps({f"f{number}": number for number in range(10_000)}).encode(),
}

# JSON texts to stand in the place of any field
VALUES: dict[str, str] = {
    "10**400": "1" + "0" * 400,
    "-(10**400)": "-1" + "0" * 400,
    "2**63": str(2**63),
    "-0": "-0",
    "-0.0": "-0.0",
    "1e999": "1e999",
    "-1e999": "-1e999",
    "5e-324": "5e-324",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "true": "true",
    "null": "null",
    "empty": '""',
    "surrogate": '"\\ud800"',
    "surrogates the wrong way round": '"\\udc00\\ud800"',
    "NUL": '"a\\u0000b"',
    "line breaks": '"a\\r\\nX: b"',
    "100 kB": json.dumps("a" * 100_000),
    "object": "{}",
    "list": "[]",
    "nested": "[" * DEEP + "]" * DEEP,
    "formula": '"{{7*7}}${7*7}%s%n\';--"',
}


def client(started: Started, service: str, path: str, **headers: str) -> httpx.Client:
    """Make a client of the service that may post to the path."""
    bearer = {"Authorization": f"Bearer {token_for(service, 'POST', path)}"}
    sent = {**bearer, "Content-Type": "application/json", **headers}
    return httpx.Client(base_url=started(service).base_url, headers=sent, timeout=20, trust_env=False)


def address(path: str) -> str:
    return re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)


@cache
def example(service: str, path: str) -> dict[str, Any]:
    """Give the document's own example of a body."""
    described = document(service)
    content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    schema = content["schema"]
    for variant in (schema, *schema.get("anyOf", ())):
        if "$ref" in variant:
            schema = described["components"]["schemas"][variant["$ref"].rpartition("/")[2]]
    body: dict[str, Any] = schema["examples"][0]
    return body


def places(value: Any, path: str = "") -> Iterator[str]:
    """Give the path of each field in a body, as an answer names it."""
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        yield here
        if isinstance(inner, dict):
            yield from places(inner, here)
        elif isinstance(inner, list):
            yield from places(inner[0], f"{here}[0]")


def replaced(value: Any, path: str, mark: str, here: str = "") -> Any:
    """Put a mark in the place of one field."""
    if here == path:
        return mark
    if isinstance(value, dict):
        return {
            name: replaced(inner, path, mark, f"{here}.{name}" if here else name)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [replaced(inner, path, mark, f"{here}[{index}]") for index, inner in enumerate(value)]
    return value


@pytest.mark.parametrize(("service", "path"), TAKERS)
@pytest.mark.parametrize("name", NO_BODIES)
def test_what_is_no_body_is_a_422_that_says_so(started: Started, service: str, path: str, name: str) -> None:
    with client(started, service, path) as session:
        answer = session.post(address(path), content=NO_BODIES[name])
    if name == "null" and path.endswith(("acknowledge", "resolve")):
        assert answer.status_code == 404  # there a body may be left out
        return
    assert answer.status_code == 422, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert errors
    assert all(error["field"] and error["detail"] for error in errors)
    assert len(answer.content) < 64_000


@pytest.mark.parametrize(("service", "path"), TAKERS)
def test_a_value_no_field_expects_is_taken_as_documented_or_refused_by_its_name(
    started: Started, service: str, path: str
) -> None:
    body = example(service, path)
    process = started(service)
    with client(started, service, path) as session:
        for field in places(body):
            top = field.split(".")[0].split("[")[0]
            for name, text in VALUES.items():
                sent = json.dumps(replaced(body, field, "@")).replace('"@"', text)
                answer = session.post(address(path), content=sent.encode())
                said = f"{field} = {name}: {answer.status_code} {answer.text[:300]}"
                assert answer.status_code in (200, 201, 404, 409, 422), said
                if answer.status_code == 422:
                    named = {error["field"] for error in answer.json()["errors"]}
                    assert any(one.startswith(("body", top)) for one in named), said
    assert find_failures(process) == []


@pytest.mark.parametrize(("service", "path"), TAKERS)
@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "Content-Type"),
        ({"Content-Type": "application/jsonp"}, "Content-Type"),
        ({"Content-Type": ";;;/"}, "Content-Type"),
        ({"Content-Type": ""}, "Content-Type"),
        ({"Content-Encoding": "gzip"}, "Content-Encoding"),
        ({"Content-Encoding": "br, gzip"}, "Content-Encoding"),
    ],
)
def test_a_body_of_another_type_is_a_415_that_names_the_header(
    started: Started, service: str, path: str, headers: dict[str, str], field: str
) -> None:
    with client(started, service, path, **headers) as session:
        answer = session.post(address(path), content=json.dumps(example(service, path)).encode())
    assert answer.status_code == 415
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/problem+json"]
)
def test_a_body_that_calls_itself_json_in_other_words_is_taken(started: Started, content_type: str) -> None:
    with client(started, "factory-core", "/v1/factories", **{"Content-Type": content_type}) as session:
        body = json.dumps({"name": f"Ulsan {uuid4()}"}).encode()
        assert session.post("/v1/factories", content=body).status_code == 201


@pytest.mark.parametrize(("service", "path"), TAKERS)
def test_an_empty_body_is_a_422_where_one_is_needed(started: Started, service: str, path: str) -> None:
    expected = 404 if path.endswith(("acknowledge", "resolve")) else 422
    with client(started, service, path) as session:
        assert session.post(address(path), content=b"").status_code == expected
        del session.headers["Content-Type"]
        assert session.post(address(path)).status_code == expected


def test_of_two_members_with_one_name_the_last_counts(started: Started) -> None:
    with client(started, "factory-core", "/v1/factories") as session:
        answer = session.post("/v1/factories", content=b'{"name": "first", "name": "last"}')
    assert answer.json()["name"] == "last"


def test_what_is_refused_leaves_nothing_behind(started: Started) -> None:
    flawed = {"name": "refused", "floor": {"width_m": 1, "depth_m": 1, "height_m": -1}}
    with client(started, "factory-core", "/v1/factories") as session:
        for body in (*NO_BODIES.values(), json.dumps(flawed).encode()):
            assert session.post("/v1/factories", content=body).status_code == 422
        names, cursor = [], None
        while True:
            page = session.get(
                "/v1/factories", params={"limit": 200} | ({"cursor": cursor} if cursor else {})
            ).json()
            names += [item["name"] for item in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
    assert "refused" not in names
