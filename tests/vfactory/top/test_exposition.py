import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.top.exposition import STARTED, Labels, Scrape, increases, parse

NAMES = {"http_requests_total", STARTED}
TEXT = """# HELP http_requests_total Requests
# TYPE http_requests_total counter
http_requests_total{method="GET",path="/v1/\\"x\\"",status_code="200"} 3.0
http_requests_total{method="GET",path="/health",status_code="200"} 1e+03
http_requests_total_of_others 7
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
"""
NO_LABELS: Labels = frozenset()


def scrape(at: float, *values: float, started: float = 0) -> Scrape:
    series = {frozenset({("path", f"/{number}")}): value for number, value in enumerate(values)}
    return Scrape(at, {"n": series, STARTED: {NO_LABELS: started}})


def total(scrapes: list[Scrape]) -> float | None:
    grown = increases(scrapes, "n")
    return None if grown is None else sum(grown.values())


def test_the_chosen_samples_are_read_with_their_labels() -> None:
    read = parse(TEXT, NAMES, 5.0)
    assert read.at == 5
    assert set(read.samples) == NAMES
    assert read.total("http_requests_total", path='/v1/"x"') == 3
    assert read.total("http_requests_total") == 1003
    assert read.total("http_requests_total", method="PUT") is None
    assert read.total(STARTED) == 1.7e9


@pytest.mark.parametrize("text", ["", "<html>", "http_requests_total{path= 3\n", "other 3\n"])
def test_what_is_no_exposition_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words differ
        parse(text, NAMES, 0)


def test_one_scrape_tells_no_increase() -> None:
    assert increases([scrape(0, 5)], "n") is None
    assert increases([scrape(0, 5), scrape(1, 6)], "unknown") is None


def test_a_counter_that_falls_has_begun_anew() -> None:
    assert total([scrape(0, 5), scrape(1, 8), scrape(2, 2), scrape(3, 4)]) == 3 + 2 + 2


def test_a_restarted_process_has_begun_anew_even_when_it_counts_more_than_before() -> None:
    assert total([scrape(0, 5, started=1), scrape(1, 8, started=2)]) == 8


def test_a_series_that_comes_later_has_begun_at_nothing() -> None:
    assert total([scrape(0, 5), scrape(1, 5, 3)]) == 3


@given(st.lists(st.lists(st.integers(1, 50), min_size=1), min_size=1))
def test_the_increase_is_all_that_was_counted_after_the_first_look(lives: list[list[int]]) -> None:
    scrapes: list[Scrape] = []
    for life, steps in enumerate(lives):
        value = 0
        for step in steps:
            value += step
            scrapes.append(scrape(len(scrapes), value, started=life))
    counted = sum(map(sum, lives)) - lives[0][0]
    assert total(scrapes) == (counted if len(scrapes) > 1 else None)
