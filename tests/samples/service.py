"""A service for the tests of `utils.lifecycle`; each function is one command of it."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from utils.lifecycle import serve
from utils.logging import logger
from utils.settings import ServiceSettings


def make_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.sleep(float(os.environ.get("SAMPLE_START_SECONDS", "0")))
        if "SAMPLE_START_ERROR" in os.environ:
            raise RuntimeError(os.environ["SAMPLE_START_ERROR"])
        yield
        await asyncio.sleep(float(os.environ.get("SAMPLE_STOP_SECONDS", "0")))
        logger.info("cleaned up")

    app = FastAPI(lifespan=lifespan)

    @app.get("/ready")
    async def ready() -> bool:
        return not app.state.lifecycle.draining

    @app.get("/slow")
    async def slow(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            yield "begin\n"
            await app.state.lifecycle.wait_draining()
            yield "end\n"

        return StreamingResponse(body())

    @app.get("/block")
    async def block(seconds: float) -> str:
        time.sleep(seconds)  # noqa: ASYNC251 - blocks the loop on purpose
        return "unblocked"

    @app.get("/spin")
    async def spin() -> str:
        return str(re.match(r"(a+)+$", "a" * 40 + "b"))  # holds the interpreter's lock for hours

    return app


def run() -> NoReturn:
    logger.info("imported")
    time.sleep(float(os.environ.get("SAMPLE_IMPORT_SECONDS", "0")))
    serve(make_app(), ServiceSettings())


def migrate() -> int:
    logger.info("migrating")
    time.sleep(float(os.environ.get("SAMPLE_WORK_SECONDS", "0")))
    return 3


def fail() -> None:
    raise RuntimeError("무너짐 at postgresql://user:hunter2@db/x")


def shout() -> None:
    print("printed")
    print("printed to stderr", file=sys.stderr)
    sys.exit("a bare text")
