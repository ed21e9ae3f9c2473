"""A small pool of decoders: processes that check received files, so that no file can harm the service."""

import asyncio
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Final

import msgspec

from asset_management.content.decoding import MAX_MESSAGE_BYTES, Answer, Request
from asset_management.content.errors import MalformedError
from asset_management.content.kinds import MediaType
from utils.errors import UnavailableError
from utils.logging import logger

WAIT_SECONDS: Final = 30.0
"""How long an upload waits for a decoder while all are busy."""
_ATTEMPTS: Final = 2
_MEBIBYTE: Final = 1024 * 1024
_MODULE: Final = "asset_management.content.decoder"


class _DecoderDiedError(Exception):
    """The decoder ended instead of answering."""


class Decoders:
    """The decoders of one process. A decoder starts when it is first needed, and is used again.

    Args:
        processes: how many files are checked at the same time.
        memory_bytes: the greatest address space of one decoder.
        seconds: how long one check may take, by the clock and by the processor.
    """

    def __init__(self, *, processes: int, memory_bytes: int, seconds: float) -> None:
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="decoder")
        self._all = [_Decoder(memory_bytes, seconds) for _ in range(processes)]
        self._idle: asyncio.Queue[_Decoder] = asyncio.Queue()
        for decoder in self._all:
            self._idle.put_nowait(decoder)

    async def check(self, media_type: MediaType, descriptor: int) -> None:
        """Check that an open file can be shown; closes the descriptor.

        Raises:
            MalformedError: it violates its format, or takes more time or memory than a file may.
            UnavailableError: no decoder is free, or none can be started.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                decoder = await self._idle.get()
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, TimeoutError):
                raise UnavailableError("Too many files are being checked; send this one again.") from error
            raise
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self._threads, decoder.check, media_type, descriptor)
        job.add_done_callback(lambda done: self._release(decoder, done))
        await asyncio.shield(job)  # a client that disconnects leaves the decoder to end its file

    def _release(self, decoder: "_Decoder", done: asyncio.Future[None]) -> None:
        if not done.cancelled():
            done.exception()
        self._idle.put_nowait(decoder)

    def close(self) -> None:
        """End the decoders; a file that is being checked is given up."""
        for decoder in self._all:
            decoder.give_up()
        self._threads.shutdown(wait=True)
        for decoder in self._all:
            decoder.end()


class _Decoder:
    """One decoder, used by one thread at a time."""

    def __init__(self, memory_bytes: int, seconds: float) -> None:
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._process: _Process | None = None
        self._is_closed = False

    def check(self, media_type: MediaType, descriptor: int) -> None:
        try:
            answer = self._ask(media_type, descriptor)
        finally:
            os.close(descriptor)
        if answer.lacks_memory:
            limit = self._memory_bytes // _MEBIBYTE
            raise MalformedError(f"The file needs more than {limit} MiB of memory to be decoded.")
        if answer.refusal is not None:
            raise MalformedError(answer.refusal)

    def _ask(self, media_type: MediaType, descriptor: int) -> Answer:
        """Ask for a file's answer, once more if the decoder dies: that need not be the file's fault."""
        about = {"media_type": media_type.value}
        for _ in range(_ATTEMPTS):
            process = self._started()
            try:
                answer = process.ask(media_type, descriptor, self._seconds)
            except TimeoutError:
                self.end()
                logger.warning(
                    "A decoder was ended: its file took too long", extra={"media_type": media_type}
                )
                raise MalformedError(f"The file takes more than {self._seconds:g} s to be decoded.") from None
            except _DecoderDiedError:
                self.end()
                logger.warning("A decoder died of its file", extra=about)
                continue
            if answer.is_last:
                self.end()
            return answer
        raise MalformedError("The file cannot be decoded: it breaks the program that reads it.")

    def _started(self) -> "_Process":
        if self._is_closed:
            raise UnavailableError("The service is ending; send the file again.")
        if self._process is None:
            try:
                self._process = _Process(self._memory_bytes)
            except OSError as error:
                logger.error("No decoder can be started", extra={"cause": error.strerror})
                raise UnavailableError("Files cannot be checked at the moment.") from error
        return self._process

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def give_up(self) -> None:
        self._is_closed = True
        if (process := self._process) is not None:
            process.kill()


class _Process:
    """A running decoder: without the service's environment, terminal and descriptors."""

    def __init__(self, memory_bytes: int) -> None:
        self._channel, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-I", "-m", _MODULE, str(memory_bytes)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
        except OSError:
            self._channel.close()
            raise

    def ask(self, media_type: MediaType, descriptor: int, seconds: float) -> Answer:
        """Raise TimeoutError or _DecoderDiedError if there is no answer."""
        request = Request(media_type, ceil(seconds))
        self._channel.settimeout(seconds)
        try:
            socket.send_fds(self._channel, [msgspec.json.encode(request)], [descriptor])
            message = self._channel.recv(MAX_MESSAGE_BYTES)
            return msgspec.json.decode(message, type=Answer)
        except TimeoutError:
            raise
        except (OSError, msgspec.DecodeError) as error:  # an empty answer: the process has ended
            raise _DecoderDiedError from error

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()
