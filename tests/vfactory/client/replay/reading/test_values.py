"""Numbers in cells: what is read, what is missing, and which option would read the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.client.replay.reading.values import ValueReader, looks_measured

FINITE = st.floats(-1e9, 1e9, allow_nan=False)


@given(FINITE)
def test_what_python_writes_is_read_back(value: float) -> None:
    assert ValueReader().read(repr(value)) == value
    assert ValueReader(",").read(repr(value).replace(".", ",")) == value


@given(st.integers(-10_000_000, 10_000_000).map(lambda n: n / 100))
def test_groups_of_digits_are_read_by_their_sign(value: float) -> None:
    text = f"{value:,.2f}"

    assert ValueReader(thousands=",").read(text) == value
    european = text.translate(str.maketrans(",.", ".,"))
    assert ValueReader(",", ".").read(european) == value
    assert ValueReader(thousands=" ").read(text.replace(",", " ")) == value


@pytest.mark.parametrize("cell", ["", "a", "1_0", "0x10", "1e999", "nan", "٣", "1,5", "1 000", "--5"])
def test_what_is_no_finite_number_is_not_read(cell: str) -> None:
    assert ValueReader().read(cell) is None


@pytest.mark.parametrize("cell", ["1,23", "12,34,567", "1,2345"])
def test_wrong_groups_are_not_read(cell: str) -> None:
    assert ValueReader(thousands=",").read(cell) is None


def test_a_minus_in_print_is_a_minus_and_a_unit_may_be_stripped() -> None:
    assert ValueReader().read("\u22125") == -5
    assert ValueReader(strip=("°C", "<")).read("<20.5 °C") == 20.5
    assert ValueReader(",", strip=("%",)).read("20,5%") == 20.5


@pytest.mark.parametrize("cell", ["", " ", "NaN", "null", "N/A", "-", "?", "#DIV/0!", "No Data", "bad"])
def test_words_for_nothing_are_missing(cell: str) -> None:
    assert ValueReader(missing=("Bad ",)).is_missing(cell)


@pytest.mark.parametrize(
    ("cells", "option"),
    [
        (["20", "20,5"], "--decimal ,"),
        (["1,234.5"], "--thousands ','"),
        (["1.234.567"], "--thousands '.'"),
        (["1.234,5"], "--thousands '.' --decimal ,"),
        (["1 234"], "--thousands ' '"),
        (["high"], None),
    ],
)
def test_the_option_that_would_read_them_is_named(cells: list[str], option: str | None) -> None:
    hint = ValueReader().hint(cells)

    assert (option in hint) if option and hint else hint is option


@pytest.mark.parametrize("cell", ["20.5 °C", "85 %", "<0.5", "1,234", "3 l/min", "12kW"])
def test_a_number_with_something_beside_it_looks_measured(cell: str) -> None:
    assert looks_measured(cell)


@pytest.mark.parametrize("cell", ["pump-1", "ok", "", "A12", "2026-01-15", "10:30"])
def test_a_word_does_not_look_measured(cell: str) -> None:
    assert not looks_measured(cell)
