import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.ids import fold_name, normalize_name

TEXT = st.text(max_size=30)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("force", "force"),
        (" force\t", "force"),
        ("\u00a0force\u3000", "force"),
        ("Test  bench", "Test  bench"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u1110\u1162\u11bc\u110f\u1173", "탱크"),
        ("\u212b", "\u00c5"),
        ("①", "①"),
        (" ", ""),
        ("\ud800", "\ud800"),
    ],
)
def test_a_name_has_one_form(written: str, name: str) -> None:
    assert normalize_name(written) == name


@given(TEXT)
def test_the_form_is_its_own_form_and_that_of_every_equivalent(text: str) -> None:
    name = normalize_name(text)
    assert normalize_name(name) == name
    for form in ("NFC", "NFD"):
        assert normalize_name(f" {unicodedata.normalize(form, text)}\n") == name


@given(TEXT)
def test_comparison_regards_neither_case_nor_form(text: str) -> None:
    key = fold_name(text)
    assert fold_name(key) == key
    assert fold_name(unicodedata.normalize("NFD", text)) == key
    assert fold_name(text.casefold()) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Test Bench", "test bench"), ("Straße", "STRASSE"), ("CAFE\u0301", "caf\u00e9"), ("ΟΔΟΣ", "οδος")],
)
def test_names_that_differ_in_case_only_are_compared_as_one(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


def test_other_names_stay_others() -> None:
    assert fold_name("Test bench") != fold_name("Testbench")
    assert fold_name("e") != fold_name("é")
