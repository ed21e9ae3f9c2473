"""Removes passwords and tokens from text before it leaves the process."""

import re
from typing import Final

# Both run in linear time: a match cannot start within the part of the text that another attempt scans.
_URL_PASSWORD: Final = re.compile(rb'://[^\s/?#"\\@:]*:[^\s/?#"\\]*@')
_JSON_WEB_TOKEN: Final = re.compile(rb"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")

# Most lines hold neither byte; `number in bytes` takes a tenth of the time of `bytes in bytes`.
_AT: Final = ord("@")
_J: Final = ord("J")


def redact(line: bytes) -> bytes:
    """Return UTF-8 text with URL passwords (`://***@`) and JSON web tokens (`eyJ***`) replaced."""
    if _AT in line and b"://" in line:
        line = _URL_PASSWORD.sub(b"://***@", line)
    if _J in line and b"eyJ" in line:
        line = _JSON_WEB_TOKEN.sub(b"eyJ***", line)
    return line


def redact_text(text: str) -> str:
    """Return `redact` of a `str`; characters that UTF-8 cannot encode are escaped."""
    return redact(text.encode("utf-8", "backslashreplace")).decode()
