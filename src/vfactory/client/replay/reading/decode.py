"""Finds the encoding of a recording's text; names that it would garble are refused."""

import codecs
import re

from vfactory.client.replay.reading.choices import ChoiceError, RecordingError

SAMPLE_BYTES = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("cp949", "shift_jis", "gb18030", "cp1252")
"""Encodings that are offered when the text is not UTF-8, if they can read it."""
_HANGUL = re.compile("[가-힣]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FEW = 0.1
_PREVIEW = 60


def find_encoding(start: bytes, given: str | None, *, force: bool = False) -> str:
    """Return the encoding of a text that begins so.

    Args:
        start: The first bytes, at most `SAMPLE_BYTES`.
        given: The user's choice.
        force: Take the user's choice even if it garbles.

    Raises:
        RecordingError: The text is empty or binary, or in an encoding that only the user can name.
        ChoiceError: The user's choice does not exist, or does not fit the text.
    """
    if not start:
        raise RecordingError("the file is empty")
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if given is not None:
        return _check_given(start, given, marked or _find_wide(start), force=force)
    found = marked or _find_wide(start)
    if found is None and _reads(start, "utf-8") is not None:
        found = "utf-8-sig"
    if found is None:
        raise RecordingError(_ask(start))
    text = _reads(start, found) or ""
    if len(_CONTROL.findall(text)) > _FEW * len(text):
        raise RecordingError("the file is binary, not a table; this command reads CSV, XLSX and Parquet")
    return found


def find_garbled(name: str) -> str | None:
    """Return what a name was before its UTF-8 was read as Latin-1 or Windows-1252; None if it was not."""
    if name.isascii():
        return None
    for encoding in ("cp1252", "latin-1"):
        try:
            return name.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return None


def _check_given(start: bytes, given: str, found: str | None, *, force: bool) -> str:
    try:
        name = codecs.lookup(given).name
        "".encode(given)
    except (LookupError, ValueError, UnicodeError) as error:
        raise ChoiceError(
            f"--encoding {given!r} is not a known encoding; such as utf-8, cp949, utf-16"
        ) from error
    if name in {"utf-8", "ascii"}:
        name = "utf-8-sig"
    text = _reads(start, name)
    if force:
        return name
    found = found or ("utf-8-sig" if _reads(start, "utf-8") is not None else None)
    if found and _family(found) != _family(name) and (not start.isascii() or _is_wide(name)):
        known = found.removesuffix("-sig").upper()
        raise ChoiceError(f"--encoding {given} would garble the file, which is {known}: leave the option out")
    if text is None and "\ufffd" in _first_line(start.decode(name, "replace")):
        raise ChoiceError(f"--encoding {given} does not fit the file. {_ask(start)}")
    korean = _reads(start, "euc-kr")
    if text is not None and korean is not None and not _HANGUL.search(text) and _is_korean(korean):
        raise ChoiceError(
            f"--encoding {given} would garble the file's names ({_first_line(text)!r}); with --encoding "
            "cp949 "
            f"they are {_first_line(korean)!r}. To read it so all the same: --force"
        )
    return name


def _find_wide(start: bytes) -> str | None:
    """Return UTF-16 without a mark: every second byte of the text, which is mostly ASCII, is zero."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if not half or max(even, odd) <= half * 0.5 or min(even, odd) > half * 0.01:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _reads(start: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(start)
    except UnicodeError:
        return None


def _ask(start: bytes) -> str:
    read = {name: text for name in _CANDIDATES if (text := _reads(start, name)) is not None}
    if (
        not read
        or b"\0" in start
        or any(len(_CONTROL.findall(text)) > _FEW * len(text) for text in read.values())
    ):
        return "the file is binary, not a table; this command reads CSV, XLSX and Parquet"
    shown = "; ".join(f"--encoding {name} gives {_telling_line(text)!r}" for name, text in read.items())
    return f"The text is not UTF-8; name its encoding: {shown}"


def _telling_line(text: str) -> str:
    return next(
        (line.strip()[:_PREVIEW] for line in text.splitlines() if not line.isascii()), _first_line(text)
    )


def _first_line(text: str) -> str:
    return next((line.strip()[:_PREVIEW] for line in text.splitlines() if line.strip()), "")


def _is_korean(text: str) -> bool:
    other = [char for char in text if not char.isascii()]
    return bool(other) and all(_HANGUL.match(char) for char in other)


def _is_wide(encoding: str) -> bool:
    return encoding.startswith(("utf-16", "utf-32"))


def _family(encoding: str) -> str:
    return "-".join(encoding.replace("_", "-").split("-")[:2])
