"""Reads Alloy's configuration language: blocks, attributes and expressions.

https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from monitoring.logs.reading.event import NotReadError

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>[{}\[\](),=+])""",
    re.VERBOSE,
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Reference:
    """A name that stands for another component's value, such as `loki.write.loki.receiver`."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function and its arguments, such as `sys.env("LOKI_URL")`; `+` joins texts."""

    name: str
    arguments: tuple[Any, ...]


@dataclass
class Block:
    """`name "label" { attributes and blocks }`."""

    name: str
    label: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def all(self, name: str) -> list["Block"]:
        """Every block of that name directly inside."""
        return [block for block in self.blocks if block.name == name]

    def one(self, name: str) -> "Block":
        """The only block of that name directly inside."""
        (block,) = self.all(name)
        return block


def parse(text: str) -> Block:
    """Read a whole file.

    Raises:
        NotReadError: it is none; the text says in which line.
    """
    return _Parser(text).file()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), ("end", "", text.count("\n") + 1)]
        self._place = 0

    def file(self) -> Block:
        root = Block("")
        self._body(root, "end")
        return root

    def _next(self, kind: str = "", text: str = "") -> str:
        found, word, line = self._tokens[self._place]
        if (kind and found != kind) or (text and word != text):
            raise NotReadError(f"line {line}: {word or 'the end'!r} where {text or kind} should be")
        self._place += 1
        return word

    def _sees(self, text: str) -> bool:
        return self._tokens[self._place][1] == text

    def _body(self, block: Block, end: str) -> None:
        while not self._sees("" if end == "end" else end):
            name = self._next("name")
            if self._sees("="):
                self._next()
                if name in block.attributes:
                    raise NotReadError(f"{name} is set twice in {block.name}")
                block.attributes[name] = self._expression()
                continue
            label = json.loads(self._next("string")) if not self._sees("{") else ""
            inner = Block(name, label)
            self._next("sign", "{")
            self._body(inner, "}")
            block.blocks.append(inner)
        self._next()

    def _expression(self) -> Any:
        value = self._term()
        while self._sees("+"):
            self._next()
            value = Call("+", (value, self._term()))
        return value

    def _term(self) -> Any:
        kind, word, line = self._tokens[self._place]
        self._place += 1
        if kind in ("string", "number"):
            return json.loads(word)
        if kind == "name":
            return self._named(word)
        if word == "[":
            return self._list("]")
        if word == "{":
            return self._object()
        raise NotReadError(f"line {line}: {word!r} begins no value")

    def _named(self, word: str) -> Any:
        if self._sees("("):
            self._next()
            return Call(word, tuple(self._list(")")))
        return _CONSTANTS[word] if word in _CONSTANTS else Reference(word)

    def _list(self, end: str) -> list[Any]:
        members = []
        while not self._sees(end):
            members.append(self._expression())
            if not self._sees(end):
                self._next("sign", ",")
        self._next()
        return members

    def _object(self) -> dict[str, Any]:
        members = {}
        while not self._sees("}"):
            name = self._next()
            self._next("sign", "=")
            members[name.strip('"')] = self._expression()
            if not self._sees("}"):
                self._next("sign", ",")
        self._next()
        return members


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        line = text.count("\n", 0, place) + 1
        if found is None or found.lastgroup is None:
            raise NotReadError(f"line {line}: {text[place]!r} means nothing")
        if found.lastgroup != "skip":
            yield found.lastgroup, found[0], line
        place = found.end()
