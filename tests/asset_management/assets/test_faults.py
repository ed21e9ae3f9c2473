"""What happens when the disk, the database or the process fails in the middle."""

import asyncio
import json
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from support.plant.asset_files import PNG, png
from support.plant.asset_management import SERVICE, Service
from support.servers import Postgres, RunningProcess

Own = Callable[..., Service]


async def upload(client: httpx.AsyncClient, factory: UUID, content: bytes) -> httpx.Response:
    parameters = {"factory": str(factory), "name": "x", "kind": "image"}
    return await client.post("/v1/assets", params=parameters, content=content, headers={"Content-Type": PNG})


async def items(client: httpx.AsyncClient, factory: UUID) -> list[Any]:
    answer = await client.get("/v1/assets", params={"factory": str(factory)})
    return list(answer.json()["items"])


def log(service: Service, level: str) -> list[str]:
    records = [json.loads(line) for line in service.process.lines]
    return [record["message"] for record in records if record["level"] == level]


async def logged(service: Service, level: str, words: str) -> bool:
    for _ in range(100):
        if any(words in message for message in log(service, level)):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_full_disk_is_507_and_leaves_no_half_written_record(own: Own, factory: UUID) -> None:
    service = own()
    # The kernel's own limit on a file's length stands for a full disk: the write itself fails.
    hard = resource.prlimit(service.process.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(service.process.process.pid, resource.RLIMIT_FSIZE, (64 * 1024, hard))
    async with service.client() as client:
        answer = await upload(client, factory, png(extra=b"x" * 200_000))
        assert (answer.status_code, answer.json()["title"]) == (507, "Insufficient storage")
        assert (service.half_received(), service.contents()) == ([], [])
        assert await items(client, factory) == []
        assert (await upload(client, factory, png())).status_code == 201
    assert await logged(service, "WARNING", "store failed")


async def test_a_damaged_or_missing_content_is_never_sent_as_if_it_were_whole(
    own: Own, factory: UUID
) -> None:
    service = own()
    async with service.client() as client:
        asset = (await upload(client, factory, png())).json()
        path, (file,) = f"/v1/assets/{asset['id']}/content", service.contents()
        file.write_bytes(b"short")
        assert (await client.get(path)).status_code == 500
        file.unlink()
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["title"]) == (500, "Content damaged")
        assert await logged(service, "ERROR", "its file is missing")
        assert (await client.get(f"/v1/assets/{asset['id']}")).status_code == 200
        assert (await upload(client, factory, png())).status_code == 201
        assert (await client.get(path)).content == png()


async def test_a_content_that_is_cut_while_it_is_sent_breaks_off(own: Own, factory: UUID) -> None:
    service = own()
    async with service.client() as client:
        asset = (await upload(client, factory, png(extra=b"x" * 30_000_000))).json()
        (file,) = service.contents()
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - the stream breaks at some block
            async with client.stream("GET", f"/v1/assets/{asset['id']}/content") as answer:
                os.truncate(file, 1_000_000)
                async for _ in answer.aiter_raw():
                    pass
    assert await logged(service, "ERROR", "ended while it was sent")


async def test_nothing_is_read_any_more_for_a_client_that_has_gone(own: Own, factory: UUID) -> None:
    service, size = own(), 30_000_000
    async with service.client() as client:
        asset = (await upload(client, factory, png(extra=b"x" * size))).json()
        async with client.stream("GET", f"/v1/assets/{asset['id']}/content") as answer:
            await anext(answer.aiter_raw())
    for _ in range(100):
        async with service.client() as client:
            sums = re.findall(
                r'http_response_size_bytes_sum{.*content"} (.*)', (await client.get("/metrics")).text
            )
        if sums:
            break
        await asyncio.sleep(0.02)
    assert float(sums[0]) < size / 2


async def test_without_the_database_an_upload_is_503_and_kept_nowhere(
    own: Own, factory: UUID, hurt_postgres: Postgres
) -> None:
    service = own()
    async with service.client() as client:
        hurt_postgres.stop()
        answer = await upload(client, factory, png())
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert service.half_received() == []
        hurt_postgres.start()
        assert await items(client, factory) == []
        assert (await upload(client, factory, png())).status_code == 201


async def test_what_a_killed_process_left_is_removed_at_the_next_start(own: Own, factory: UUID) -> None:
    service = own()

    async def endless() -> Any:
        yield png(extra=b"x" * 1_200_000)[:-20]
        await asyncio.sleep(30)
        yield b""

    async with service.client() as client:
        parameters = {"factory": str(factory), "name": "x", "kind": "image"}
        sending = asyncio.create_task(
            client.post("/v1/assets", params=parameters, content=endless(), headers={"Content-Type": PNG})
        )
        for _ in range(300):
            if service.half_received():
                break
            await asyncio.sleep(0.02)
        service.process.kill()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert len(service.half_received()) == 1
    again = own()
    assert again.half_received() == []
    assert await logged(again, "WARNING", "half-received")


def test_a_store_that_cannot_be_used_stops_the_start_with_its_name(
    running: Callable[..., RunningProcess], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    process = running(SERVICE, env={"ASSET_MANAGEMENT_STORE_DIR": str(tmp_path / "file" / "x")}, wait=False)
    assert process.wait_exit() == 78
    (record,) = [json.loads(line) for line in process.stderr]
    assert record["level"] == "CRITICAL"
    assert "ASSET_MANAGEMENT_STORE_DIR" in record["message"]
