"""A service for the tests of `utils.lifecycle`; each function is one command of it."""

import asyncio
import gc
import logging
import os
import re
import sys
import threading
import time
import traceback
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from utils.logging import logger
from utils.serving import serve
from utils.settings import ServiceSettings


class BrokenOff(Response):
    """Begins an answer and leaves it at that, as a stream does whose reader is cut off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})


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

    @app.get("/frozen")
    async def frozen() -> int:
        return gc.get_freeze_count()

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

    @app.get("/broken-off")
    async def broken_off() -> BrokenOff:
        return BrokenOff()

    add_blocking_routes(app)
    return app


def add_blocking_routes(app: FastAPI) -> None:
    @app.get("/block")
    async def block(seconds: float) -> str:
        time.sleep(seconds)  # noqa: ASYNC251 - blocks the loop on purpose
        return "unblocked"

    @app.get("/shout")
    async def shout_for_ever() -> None:
        while True:  # blocks as soon as nobody reads standard output
            logger.info("x" * 1000)

    @app.get("/spin")
    async def spin() -> str:
        return str(re.match(r"(a+)+$", "a" * 40 + "b"))  # holds the interpreter's lock for hours


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


def misbehave() -> None:
    """Everything that is written without asking for a logger."""
    warnings.warn("old way", DeprecationWarning, stacklevel=1)
    print("printed\nin two lines")
    sys.stderr.write("half a line, ")
    sys.stderr.write("the other half\n")
    traceback.print_stack()
    thread = threading.Thread(target=fail, name="unlucky")
    thread.start()
    thread.join()
    unlucky = Unlucky()
    del unlucky
    logging.getLogger("some.library").error("from a library")
    asyncio.run(forget_a_failure())
    open(os.devnull)  # noqa: SIM115, PTH123 - never closed: a ResourceWarning
    gc.collect()


class Unlucky:
    def __del__(self) -> None:
        raise ValueError("in a finaliser")


async def forget_a_failure() -> None:
    async def failing() -> None:
        raise ValueError("never retrieved")

    task = asyncio.create_task(failing())
    await asyncio.sleep(0.01)
    del task
    gc.collect()


def log_much() -> None:
    for number in range(int(os.environ["SAMPLE_LINES"])):
        logger.info("line %d", number)
        logger.error("line %d", number)


def shout() -> None:
    print("printed")
    print("printed to stderr", file=sys.stderr)
    sys.exit("a bare text")
