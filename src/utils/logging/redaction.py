"""Takes passwords and tokens out of text before it leaves the process."""

import re
from typing import Final

# Both are linear: no part of a text can begin a second attempt while the first one may still reach its end.
_URL_PASSWORD: Final = re.compile(rb'://[^\s/?#"\\@:]*:[^\s/?#"\\]*@')
_JSON_WEB_TOKEN: Final = re.compile(rb"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")

# Most lines have neither byte; `number in bytes` takes a tenth of the time of `bytes in bytes`.
_AT: Final = ord("@")
_J: Final = ord("J")


def redact(line: bytes) -> bytes:
    """Replace URL passwords (`://***@`) and JSON web tokens (`eyJ***`) in UTF-8 text."""
    if _AT in line and b"://" in line:
        line = _URL_PASSWORD.sub(b"://***@", line)
    if _J in line and b"eyJ" in line:
        line = _JSON_WEB_TOKEN.sub(b"eyJ***", line)
    return line


def redact_text(text: str) -> str:
    """Do the same to a `str`; what UTF-8 cannot carry comes back escaped."""
    return redact(text.encode("utf-8", "backslashreplace")).decode()
