"""A decoder's process: checks one received file after the other, within limits that the kernel enforces.

Run by `decoders.py`, with a Unix socket as standard input. A request is a message in JSON with the file's
descriptor beside it, the answer another one.
"""

import os
import resource
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from asset_management.content.decoding import MAX_MESSAGE_BYTES, Answer, Request
from asset_management.content.errors import MalformedError
from asset_management.content.glb import check_glb
from asset_management.content.images import check_jpeg, check_png, check_webp
from asset_management.content.kinds import MediaType

MAX_KEPT_BYTES: Final = 192 * 1024 * 1024
"""A process that has used more ends after its answer, because Python gives little memory back."""
_MAX_FILES: Final = 16

_CHECKS: Final[Mapping[MediaType, Callable[[BinaryIO], None]]] = {
    MediaType.GLB: check_glb,
    MediaType.PNG: check_png,
    MediaType.JPEG: check_jpeg,
    MediaType.WEBP: check_webp,
}


_read_request = msgspec.json.Decoder(Request)


def main() -> None:
    """Check files until the other end of the socket is closed."""
    memory_bytes = int(sys.argv[1])
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    channel = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, 1)
        if not message or not descriptors:
            return
        request = _read_request.decode(message)
        _limit_processor_time(request.seconds)
        answer = _check(request.media_type, descriptors[0])
        answer.is_last = answer.lacks_memory or _used_bytes() > MAX_KEPT_BYTES
        channel.sendall(msgspec.json.encode(answer))
        if answer.is_last:
            return


def _check(media_type: MediaType, descriptor: int) -> Answer:
    try:
        with os.fdopen(descriptor, "rb") as file:
            file.seek(0)
            _CHECKS[media_type](file)
    except MalformedError as error:
        return Answer(error.detail)
    except MemoryError:
        return Answer(lacks_memory=True)
    return Answer()


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (bound, bound))


def _limit_processor_time(seconds: int) -> None:
    """Let the kernel end this process when it has used so many seconds more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _used_bytes() -> int:
    """Return the memory in use, 0 where the system does not say; `ru_maxrss` begins with the parent's."""
    try:
        resident = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(resident) * resource.getpagesize()


if __name__ == "__main__":
    main()
