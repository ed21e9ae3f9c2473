"""Container log files as containerd and CRI-O write them: `time stream P|F text`, long lines in pieces.

https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_PIECE: Final = 16_384  # bytes of text that a runtime writes in one piece


@dataclass(frozen=True)
class Joined:
    """A line as the container wrote it, with the time and stream of its first piece."""

    time: str
    stream: str
    text: str


def written(line: bytes, time: str, stream: str, longest: int = LONGEST_PIECE) -> Iterator[bytes]:
    """The pieces in which a runtime writes a container's line; one is cut anywhere, also inside a letter."""
    pieces = [line[start : start + longest] for start in range(0, len(line), longest)] or [b""]
    for number, piece in enumerate(pieces, start=1):
        tag = "F" if number == len(pieces) else "P"
        yield f"{time} {stream} {tag} ".encode() + piece + b"\n"


def join(lines: Iterable[bytes]) -> Iterator[Joined]:
    """What a reader of the format makes of them: pieces joined, each stream by itself."""
    begun: dict[str, tuple[str, list[bytes]]] = {}
    for line in lines:
        time, stream, tag, piece = line.rstrip(b"\n").split(b" ", 3)
        first, pieces = begun.setdefault(stream.decode(), (time.decode(), []))
        pieces.append(piece)
        if tag.startswith(b"F"):
            del begun[stream.decode()]
            yield Joined(first, stream.decode(), b"".join(pieces).decode())
