"""GLB files: what the container must look like, and that nothing else does harm."""

import io
import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asset_management.content.errors import MalformedError
from asset_management.content.glb import MAX_CHUNKS, MAX_JSON_BYTES, check_glb
from support.plant.asset_files import glb, glb_chunk, glb_file


def check(data: bytes) -> None:
    check_glb(io.BytesIO(data), len(data))


def refusal(data: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        check(data)
    return caught.value.detail


JSON = glb_chunk(b"JSON", b'{"asset":{"version":"2.0"}}')


@pytest.mark.parametrize(
    "data",
    [
        glb(),
        glb(binary=None),
        glb(binary=b""),
        glb({"asset": {"version": "2.1", "generator": "공장"}, "scenes": [{}], "extras": {"a": [1, None]}}),
        glb_file(JSON, glb_chunk(b"BIN\0", b"12345678"), glb_chunk(b"EXT1", b"1234")),
        glb_file(JSON, glb_chunk(b"EXT1", b"1234")),
    ],
)
def test_a_glb_file_is_accepted(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends before"),
        (b"glTF", "ends before"),
        (glb_file(JSON, magic=b"glTf"), "four letters"),
        (glb_file(JSON, version=1), "version 2"),
        (glb_file(JSON, length=11), "length"),
        (glb() + b"trailing", "length"),
        (glb()[:-1], "length"),
        (glb_file(), "must have a JSON chunk"),
        (glb_file(JSON[:6]), "within its own header"),
        (glb_file(JSON + b"\1\0\0\0"), "within its own header"),
        (glb_file(struct.pack("<I4s", 27, b"JSON") + b" " * 27), "multiple of 4"),
        (glb_file(struct.pack("<I4s", 2**32 - 4, b"JSON") + b"{}  "), "beyond"),
        (glb_file(glb_chunk(b"BIN\0", b"1234"), JSON), "first chunk"),
        (glb_file(JSON, JSON), "first chunk"),
        (glb_file(JSON, glb_chunk(b"EXT1", b""), glb_chunk(b"BIN\0", b"1234")), "second chunk"),
        (glb_file(JSON, *[glb_chunk(b"EXT1", b"")] * MAX_CHUNKS), "at most"),
        (glb_file(glb_chunk(b"JSON", b" " * (MAX_JSON_BYTES + 4))), "at most"),
    ],
)
def test_a_broken_container_is_refused_and_says_why(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"asset":{}}',
        b'{"asset":[]}',
        b'{"asset":{"version":2.0}}',
        b'{"asset":{"version":"1.0"}}',
        b'{"asset":{"version":"3.0"}}',
        b'{"asset":{"version":"2"}}',
        b'{"asset":{"version":"2.0 "}}',
        '{"asset":{"version":"2.٣"}}'.encode(),
        b'{"asset":{"version":"2.0"}',
        b'{"asset":{"version":"2.0"}} x',
        b'{"asset":{"version":"2.0"}}\0',
        b'{"asset":{"version":"2.0"},"a":NaN}',
        b'\xef\xbb\xbf{"asset":{"version":"2.0"}}',
        b'{"asset":{"version":"2.0"},"a":"\xff"}',
        b'{"asset":{"version":"2.0"},"a":"\xed\xa0\x80"}',
        b'{"asset":{"version":"2.0"},"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"asset":{"version":"2.0"},"a":' + b'{"b":' * 100_000,
    ],
)
def test_a_json_chunk_that_is_no_gltf_document_is_refused(text: bytes) -> None:
    refusal(glb_file(glb_chunk(b"JSON", text)))


@given(data=st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused_and_nothing_else(data: bytes) -> None:
    refusal(data)


@given(body=st.binary(max_size=200))
def test_any_bytes_behind_a_true_header_are_refused(body: bytes) -> None:
    refusal(glb_file(body))


@given(
    chunks=st.lists(
        st.tuples(
            st.sampled_from([b"JSON", b"BIN\0", b"EXT1"]) | st.binary(min_size=4, max_size=4),
            st.sampled_from([b'{"asset":{"version":"2.0"}}', b"", b"{}"]) | st.binary(max_size=12),
            st.integers(0, 2**32 - 1) | st.none(),
        ),
        max_size=5,
    )
)
def test_any_chain_of_chunks_is_accepted_or_refused(chunks: list[tuple[bytes, bytes, int | None]]) -> None:
    parts = []
    for kind, data, lie in chunks:
        chunk = glb_chunk(kind, data)
        parts.append(chunk if lie is None else struct.pack("<I", lie) + chunk[4:])
    with suppress(MalformedError):
        check(glb_file(*parts))
        assert chunks[0][0] == b"JSON"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(document=json_values, version=json_values | st.just("2.0"))
def test_exactly_the_documents_with_version_two_are_accepted(document: Any, version: Any) -> None:
    whole = {
        **(document if isinstance(document, dict) else {"more": document}),
        "asset": {"version": version},
    }
    data = glb_file(glb_chunk(b"JSON", json.dumps(whole).encode()))
    if version == "2.0":
        check(data)
    else:
        refusal(data)
