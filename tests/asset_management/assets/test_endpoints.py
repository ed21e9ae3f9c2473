"""Assets over real HTTP: up, listed, and down again."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from support.plant.asset_files import GLB, JPEG, PNG, WEBP, glb, jpeg, jpeg_that_declares, png, webp
from support.plant.asset_management import MAX_UPLOAD_BYTES, Service

FILES = [("model", GLB, glb()), ("image", PNG, png()), ("image", JPEG, jpeg()), ("image", WEBP, webp())]


async def upload(
    client: httpx.AsyncClient,
    owner: UUID,
    content: bytes,
    /,
    *,
    media_type: str | None = PNG,
    **changes: Any,
) -> httpx.Response:
    parameters = {"factory": str(owner), "name": "press.png", "kind": "image", **changes}
    sent = {name: value for name, value in parameters.items() if value is not None}
    headers = {} if media_type is None else {"Content-Type": media_type}
    return await client.post("/v1/assets", params=sent, content=content, headers=headers)


async def stored(client: httpx.AsyncClient, factory: UUID, content: bytes, **changes: Any) -> dict[str, Any]:
    answer = await upload(client, factory, content, **changes)
    assert answer.status_code == 201, answer.text
    asset: dict[str, Any] = answer.json()
    return asset


def problem(answer: httpx.Response, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    return str(answer.json()["detail"])


@pytest.mark.parametrize(("kind", "media_type", "content"), FILES)
async def test_a_file_comes_back_as_it_was_sent(
    client: httpx.AsyncClient, factory: UUID, kind: str, media_type: str, content: bytes
) -> None:
    answer = await upload(client, factory, content, kind=kind, media_type=media_type, name="프레스")
    asset = answer.json()
    assert answer.headers["location"] == f"/v1/assets/{asset['id']}"
    assert {name: asset[name] for name in asset if name not in {"id", "created_at"}} == {
        "factory_id": str(factory),
        "name": "프레스",
        "kind": kind,
        "media_type": media_type,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created_by": "kim",
    }
    assert asset["created_at"].endswith("Z")
    assert (await client.get(f"/v1/assets/{asset['id']}")).json() == asset
    back = await client.get(f"/v1/assets/{asset['id']}/content")
    assert (back.status_code, back.content) == (200, content)
    assert back.headers["content-type"] == media_type


async def test_the_content_carries_the_headers_of_a_safe_download(
    client: httpx.AsyncClient, factory: UUID
) -> None:
    name = '압력 "센서"\\ x.png'
    asset = await stored(client, factory, png(), name=name)
    headers = (await client.get(f"/v1/assets/{asset['id']}/content")).headers
    assert headers["etag"] == f'"{asset["sha256"]}"'
    assert headers["content-length"] == str(len(png()))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["accept-ranges"] == "bytes"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["content-disposition"].startswith('attachment; filename="')
    assert headers["content-disposition"].isascii()


async def test_head_answers_as_get_without_the_bytes(client: httpx.AsyncClient, factory: UUID) -> None:
    path = f"/v1/assets/{(await stored(client, factory, png()))['id']}/content"
    head, get = await client.head(path, headers={"Range": "bytes=0-3"}), await client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }


async def test_who_has_the_content_is_told_so(client: httpx.AsyncClient, factory: UUID) -> None:
    asset = await stored(client, factory, png())
    path, etag = f"/v1/assets/{asset['id']}/content", f'"{asset["sha256"]}"'
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await client.get(path, headers={"If-None-Match": condition})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-3", 0, 3), ("bytes=5-", 5, None), ("bytes=-7", -7, None)]
)
async def test_a_range_is_sent_alone(
    client: httpx.AsyncClient, factory: UUID, asked: str, first: int, last: int | None
) -> None:
    asset = await stored(client, factory, png())
    answer = await client.get(f"/v1/assets/{asset['id']}/content", headers={"Range": asked})
    expected = png()[first : None if last is None else last + 1]
    assert (answer.status_code, answer.content) == (206, expected)
    begin = png().index(expected)
    size = len(png())
    assert answer.headers["content-range"] == f"bytes {begin}-{begin + len(expected) - 1}/{size}"
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=5-3", "bytes=x"])
async def test_a_range_that_is_none_is_416(client: httpx.AsyncClient, factory: UUID, asked: str) -> None:
    asset = await stored(client, factory, png())
    answer = await client.get(f"/v1/assets/{asset['id']}/content", headers={"Range": asked})
    problem(answer, 416)
    assert answer.headers["content-range"] == f"bytes */{len(png())}"


async def test_several_ranges_give_the_whole(client: httpx.AsyncClient, factory: UUID) -> None:
    asset = await stored(client, factory, png())
    answer = await client.get(f"/v1/assets/{asset['id']}/content", headers={"Range": "bytes=0-1,4-5"})
    assert (answer.status_code, answer.content) == (200, png())


async def test_a_file_of_many_blocks_comes_back_whole(client: httpx.AsyncClient, factory: UUID) -> None:
    content = glb(binary=bytes(range(256)) * 12_000)
    asset = await stored(client, factory, content, kind="model", media_type=GLB)
    assert (await client.get(f"/v1/assets/{asset['id']}/content")).content == content


async def test_the_same_content_is_kept_once_and_makes_its_own_assets(
    shared: Service, client: httpx.AsyncClient, factory: UUID
) -> None:
    content = png(extra=factory.bytes)
    before = len(shared.contents())
    answers = await asyncio.gather(
        *(upload(client, factory, content, name=f"{number}") for number in range(12))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 12
    assert len(shared.contents()) == before + 1
    assert shared.half_received() == []


async def test_a_list_shows_one_factory_newest_first_page_by_page(
    client: httpx.AsyncClient, factory: UUID
) -> None:
    sent = [(await stored(client, factory, png(), name=f"{number}"))["id"] for number in range(5)]
    await stored(client, uuid4(), png())
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (
            await client.get("/v1/assets", params={"factory": str(factory), "limit": "2", **cursor})
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sent[::-1]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"media_type": None}, 415, "Content-Type must be one of"),
        ({"media_type": "text/html"}, 415, "Content-Type must be one of"),
        ({"media_type": "multipart/form-data; boundary=x"}, 415, "Content-Type must be one of"),
        ({"media_type": JPEG}, 415, "The body is image/png, and Content-Type says image/jpeg"),
        ({"kind": "model"}, 422, "kind: image/png is no model"),
        ({"kind": "film"}, 422, "kind"),
        ({"kind": None}, 422, "kind"),
        ({"name": ""}, 422, "name"),
        ({"name": " "}, 422, "name"),
        ({"name": "a\r\nb"}, 422, "name"),
        ({"name": "x" * 201}, 422, "name"),
        ({"name": None}, 422, "name"),
        ({"factory": "one"}, 422, "factory"),
        ({"factory": None}, 422, "factory"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
async def test_a_wrong_upload_is_refused_and_says_what_is_wrong(
    client: httpx.AsyncClient, factory: UUID, changes: dict[str, Any], status: int, words: str
) -> None:
    assert words in problem(await upload(client, factory, png(), **changes), status)


@pytest.mark.parametrize(
    ("content", "media_type", "kind", "status"),
    [
        (b"", PNG, "image", 422),
        (b"\x89PN", PNG, "image", 415),
        (png()[:30], PNG, "image", 422),
        (png()[:-1], PNG, "image", 422),
        (jpeg()[:-2], JPEG, "image", 422),
        (jpeg_that_declares(30_000, 30_000), JPEG, "image", 422),
        (glb({"asset": {"version": "2.0"}, "buffers": [{"byteLength": 9}]}), GLB, "model", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG, "image", 415),
        (glb()[:-4], GLB, "model", 422),
        (glb({"asset": {"version": "1.0"}}), GLB, "model", 422),
        (b"glTF", GLB, "model", 422),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused_and_leaves_nothing(
    *,
    shared: Service,
    client: httpx.AsyncClient,
    factory: UUID,
    content: bytes,
    media_type: str,
    kind: str,
    status: int,
) -> None:
    before = len(shared.contents())
    answer = await upload(client, factory, content, media_type=media_type, kind=kind)
    assert problem(answer, status)
    assert (len(shared.contents()), shared.half_received()) == (before, [])
    assert (await client.get("/v1/assets", params={"factory": str(factory)})).json()["items"] == []


async def test_a_compressed_body_is_refused(client: httpx.AsyncClient, factory: UUID) -> None:
    answer = await client.post(
        "/v1/assets",
        params={"factory": str(factory), "name": "x", "kind": "image"},
        content=png(),
        headers={"Content-Type": PNG, "Content-Encoding": "gzip"},
    )
    assert "Content-Encoding" in problem(answer, 415)


async def test_a_file_of_the_greatest_length_is_kept_and_one_byte_more_is_not(
    client: httpx.AsyncClient, factory: UUID
) -> None:
    frame = len(png())
    full = png(extra=b"x" * (MAX_UPLOAD_BYTES - frame))
    assert len(full) == MAX_UPLOAD_BYTES
    assert (await upload(client, factory, full)).status_code == 201
    problem(await upload(client, factory, full + b"x"), 413)


async def test_another_factorys_assets_do_not_exist(shared: Service, factory: UUID) -> None:
    async with shared.client() as everywhere, shared.client("admin", [uuid4()]) as elsewhere:
        asset = await stored(everywhere, factory, png())
        for path in (f"/v1/assets/{asset['id']}", f"/v1/assets/{asset['id']}/content"):
            assert (await everywhere.get(path)).status_code == 200
            problem(await elsewhere.get(path), 404)
        problem(await elsewhere.get("/v1/assets", params={"factory": str(factory)}), 404)
        problem(await upload(elsewhere, factory, png()), 404)
    async with shared.client("viewer", [factory]) as inside:
        assert (await inside.get(f"/v1/assets/{asset['id']}")).status_code == 200


async def test_an_unknown_asset_is_not_found(client: httpx.AsyncClient) -> None:
    for path in (f"/v1/assets/{uuid4()}", f"/v1/assets/{uuid4()}/content"):
        problem(await client.get(path), 404)


@pytest.mark.parametrize("cursor", ["x", "e30", "WyJ4Il0", "", "W10", "WzFd"])
async def test_a_cursor_of_another_list_is_refused(
    client: httpx.AsyncClient, factory: UUID, cursor: str
) -> None:
    answer = await client.get("/v1/assets", params={"factory": str(factory), "cursor": cursor})
    assert "cursor" in problem(answer, 422)


async def test_uploads_are_counted_by_how_they_end(client: httpx.AsyncClient, factory: UUID) -> None:
    async def counted() -> dict[str, float]:
        text = (await client.get("/metrics")).text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("vfactory_asset_")]
        return {name: float(value) for name, value in lines}

    before = await counted()
    await stored(client, factory, png())
    await upload(client, factory, b"no picture")
    after = await counted()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {
        'vfactory_asset_uploads_total{outcome="stored"}': 1,
        'vfactory_asset_uploads_total{outcome="refused"}': 1,
        "vfactory_asset_upload_bytes_total": len(png()) + len(b"no picture"),
    }


async def test_the_guides_health_has_no_redis(client: httpx.AsyncClient) -> None:
    body = (await client.get("/health")).json()
    assert list(body) == ["status", "timestamp", "database"]
