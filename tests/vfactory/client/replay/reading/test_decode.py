"""Encodings: found where they can be known, asked for where not, and refused where they garble."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.client.replay.reading import ChoiceError, RecordingError
from vfactory.client.replay.reading.decode import find_encoding, find_garbled

KOREAN = "시각,온도\n2026-01-15 10:30:00,20.5\n"
ASCII = "time,level\n2026-01-15 10:30:00,20.5\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [ASCII, KOREAN.replace("시각,온도", "time,온도")])
def test_unicode_is_found_and_read_to_the_letter(encoding: str, text: str) -> None:
    data = text.encode(encoding)

    assert data.decode(find_encoding(data, None)) == text


@pytest.mark.parametrize("encoding", ["cp949", "euc-kr", "shift_jis", "gb18030", "cp1252", "latin-1"])
def test_another_encoding_is_asked_for_with_what_it_gives(encoding: str) -> None:
    name = {"shift_jis": "温度", "gb18030": "温度", "cp1252": "Größe", "latin-1": "Größe"}.get(
        encoding, "온도"
    )
    data = f"time;{name}\n".encode(encoding)

    with pytest.raises(RecordingError, match=f"gives 'time;{name}'"):
        find_encoding(data, None)
    assert data.decode(find_encoding(data, encoding)) == f"time;{name}\n"


@pytest.mark.parametrize("given_encoding", ["cp949", "euc-kr", "latin-1", "cp1252", "utf-16", "utf-32"])
def test_utf_8_is_not_read_as_anything_else(given_encoding: str) -> None:
    with pytest.raises(ChoiceError, match="UTF-8"):
        find_encoding(KOREAN.encode(), given_encoding)


@pytest.mark.parametrize("given_encoding", ["latin-1", "cp1252", "iso8859-15"])
def test_korean_is_not_read_as_western(given_encoding: str) -> None:
    with pytest.raises(ChoiceError, match="--encoding cp949"):
        find_encoding(KOREAN.encode("cp949"), given_encoding)
    assert find_encoding(KOREAN.encode("cp949"), given_encoding, force=True) is not None


@pytest.mark.parametrize("given_encoding", ["klingon", "base64", "rot13", "hex", ""])
def test_what_is_no_encoding_of_text_is_refused(given_encoding: str) -> None:
    with pytest.raises(ChoiceError, match="not a known encoding"):
        find_encoding(ASCII.encode(), given_encoding)


@pytest.mark.parametrize("name", ["Temp (°C)", "Größe", "온도", "é", "電圧"])
def test_a_name_that_was_garbled_is_known(name: str) -> None:
    assert find_garbled(name) is None
    garbled = name.encode().decode("latin-1")
    assert find_garbled(garbled) == name


@given(st.binary(max_size=300), st.sampled_from([None, "cp949", "utf-8", "utf-16", "latin-1"]))
def test_no_bytes_are_more_than_a_text_or_a_refusal(data: bytes, encoding: str | None) -> None:
    with suppress(RecordingError):
        assert isinstance(data.decode(find_encoding(data, encoding), "replace"), str)
