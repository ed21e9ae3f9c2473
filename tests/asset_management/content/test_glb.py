"""GLB files: what the container must look like, and that nothing else does harm."""

import base64
import json
import struct
import tempfile
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asset_management.content.errors import MalformedError
from asset_management.content.glb import MAX_CHUNKS, MAX_JSON_BYTES, check_glb
from support.plant.asset_files import glb, glb_chunk, glb_file


def check(data: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        check_glb(file)


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
        glb() + b"trailing",
        glb() + b"\0" * 4,
        glb() + b"\n",
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
        (glb_file(JSON, length=11), "at least 12"),
        (glb_file(JSON, length=30), "beyond"),
        (glb()[:-1], "cut off"),
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


def document(**parts: Any) -> Any:
    return {"asset": {"version": "2.0"}, **parts}


def model(**changes: Any) -> dict[str, Any]:
    """Return a document whose every kind of reference holds: 92 bytes in one buffer."""
    views = [
        {"buffer": 0, "byteLength": 72},
        {"buffer": 0, "byteOffset": 72, "byteLength": 6},
        {"buffer": 0, "byteOffset": 80, "byteLength": 12},
    ]
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 6, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"},
        {
            "componentType": 5126,
            "count": 6,
            "type": "VEC3",
            "sparse": {
                "count": 1,
                "indices": {"bufferView": 1, "componentType": 5123},
                "values": {"bufferView": 2},
            },
        },
    ]
    whole = document(
        scene=0,
        scenes=[{"nodes": [0]}],
        nodes=[{"mesh": 0, "children": [1]}, {"camera": 0}],
        cameras=[{}],
        meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        materials=[{}],
        textures=[{"source": 0, "sampler": 0}],
        samplers=[{}],
        images=[{"bufferView": 2, "mimeType": "image/png"}],
        accessors=accessors,
        bufferViews=views,
        buffers=[{"byteLength": 92}],
    )
    return {**whole, **changes}


def of_model(binary: int | None = 92, **changes: Any) -> bytes:
    return glb(model(**changes), binary=None if binary is None else b"\0" * binary)


def view(**changes: Any) -> dict[str, Any]:
    one = {"buffer": 0, "byteLength": 72, **changes}
    return {
        "bufferViews": [one],
        "accessors": [],
        "images": [],
        "textures": [],
        "meshes": [],
        "nodes": [{}, {}],
    }


def accessor(count: int, type_: str = "SCALAR", component: int = 5126, **more: Any) -> dict[str, Any]:
    one = {"bufferView": 0, "componentType": component, "count": count, "type": type_, **more}
    return {"accessors": [one], "meshes": [], "nodes": [{}, {}]}


def in_uri(length: int, text: str) -> bytes:
    return glb(document(buffers=[{"byteLength": length, "uri": text}]), binary=None)


def base64_uri(length: int) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(bytes(length)).decode()


@pytest.mark.parametrize(
    "data",
    [
        of_model(),
        of_model(buffers=[{"byteLength": 92}, {"byteLength": 4, "uri": "more.bin"}]),
        of_model(96),
        of_model(200),
        of_model(**view(byteOffset=20)),
        of_model(**accessor(18)),
        of_model(**accessor(1, "MAT3", 5121, byteOffset=61)),
        of_model(**accessor(9, "MAT2", 5121)),
        of_model(**accessor(1, "VEC7", 9999), extensionsUsed=["EXT_more_types"]),
        of_model(buffers=[{"byteLength": 92}, {"byteLength": 500, "extensions": {"X": {"fallback": True}}}]),
        *[in_uri(length, base64_uri(length)) for length in (1, 2, 3, 4, 100)],
        in_uri(8, base64_uri(9)),
    ],
)
def test_a_model_whose_references_hold_is_accepted(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (of_model(None), "buffers[0] is the file's BIN chunk, and the file has none"),
        (of_model(0), "92 bytes long, and the file's BIN chunk 0"),
        (of_model(88), "92 bytes long, and the file's BIN chunk 88"),
        (of_model(buffers=[{"byteLength": 92}, {"byteLength": 4}]), "buffers[1] has no bytes"),
        (of_model(buffers=[{"byteLength": 0}]), "buffers[0].byteLength"),
        (of_model(buffers=[{}]), "byteLength"),
        (in_uri(10, base64_uri(9)), "data URI holds 9"),
        (in_uri(9, "data:application/octet-stream;base64,AA!A"), "not valid base64"),
        (in_uri(3, "data:,abc"), "must be base64"),
        (of_model(**view(byteOffset=21)), "ends at byte 93"),
        (of_model(**view(byteLength=93)), "ends at byte 93"),
        (of_model(**view(buffer=1)), "names buffers[1], and there are 1"),
        (of_model(**view(buffer=-1)), "bufferViews[0].buffer"),
        (of_model(**view(byteOffset=-4)), "byteOffset"),
        (of_model(**view(byteStride=3)), "byteStride"),
        (of_model(**view(byteStride=256)), "byteStride"),
        (of_model(**accessor(19)), "ends at byte 76, and bufferViews[0] is 72"),
        (of_model(**accessor(18, byteOffset=4)), "ends at byte 76"),
        (of_model(**accessor(1, "MAT3", 5121, byteOffset=62)), "ends at byte 73"),
        (of_model(**accessor(1, bufferView=3)), "names bufferViews[3], and there are 3"),
        (of_model(**accessor(0)), "count"),
        (of_model(**accessor(1, "VEC5")), "accessors[0].type must be one of"),
        (of_model(**accessor(1, component=5124)), "accessors[0].componentType must be one of"),
        (
            of_model(
                bufferViews=[{"buffer": 0, "byteLength": 72, "byteStride": 8}],
                images=[],
                **accessor(2, "VEC3"),
            ),
            "a stride of 8",
        ),
        (of_model(meshes=[{"primitives": [{"attributes": {"POSITION": 3}}]}]), "names accessors[3]"),
        (of_model(meshes=[{"primitives": [{"attributes": {}, "indices": 9}]}]), "names accessors[9]"),
        (of_model(materials=[]), "names materials[0]"),
        (of_model(scene=1), "names scenes[1]"),
        (of_model(scenes=[{"nodes": [2]}]), "names nodes[2]"),
        (of_model(nodes=[{"children": [7]}]), "names nodes[7]"),
        (of_model(nodes=[{"mesh": 1}]), "names meshes[1]"),
        (of_model(images=[{"bufferView": 3}]), "names bufferViews[3]"),
        (of_model(textures=[{"source": 1}]), "names images[1]"),
        (of_model(skins=[{"joints": [5]}]), "names nodes[5]"),
        (of_model(animations=[{"samplers": [{"input": 0, "output": 3}]}]), "names accessors[3]"),
    ],
)
def test_a_model_that_refers_to_what_is_not_there_is_refused_and_says_where(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("indices", {"bufferView": 9}, "names bufferViews[9]"),
        ("indices", {"byteOffset": 5}, "ends at byte 7"),
        ("indices", {"componentType": 5127}, "componentType"),
        ("values", {"byteOffset": 1}, "ends at byte 13"),
        ("values", {"bufferView": 3}, "names bufferViews[3]"),
    ],
)
def test_a_sparse_accessor_whose_bytes_are_not_there_is_refused(
    part: str, change: dict[str, int], reason: str
) -> None:
    changed = model()
    changed["accessors"][2]["sparse"][part].update(change)
    assert reason in refusal(glb(changed, binary=b"\0" * 92))


@given(
    length=st.integers(1, 100), binary=st.integers(0, 100), offset=st.integers(0, 50), part=st.integers(1, 60)
)
def test_exactly_the_views_within_their_buffer_and_buffers_within_their_chunk_are_accepted(
    length: int, binary: int, offset: int, part: int
) -> None:
    parts = {
        "buffers": [{"byteLength": length}],
        "bufferViews": [{"buffer": 0, "byteOffset": offset, "byteLength": part}],
    }
    data = glb(document(**parts), binary=b"\0" * binary)
    if length <= -(-binary // 4) * 4 and offset + part <= length:
        check(data)
    else:
        refusal(data)


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
