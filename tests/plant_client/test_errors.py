"""Refusals as one sentence."""

import pytest

from plant_client import PlantError, RefusedError, UnreachableError


def test_a_problem_becomes_a_sentence_that_names_each_field() -> None:
    problem = {
        "title": "Invalid request",
        "detail": "The request has 2 errors.",
        "errors": [{"field": "severity", "detail": "must be 1 to 5"}, {"field": "tag", "detail": "is taken"}],
    }

    sentence = "Invalid request: The request has 2 errors (severity: must be 1 to 5; tag: is taken)"
    assert str(RefusedError(422, problem)) == sentence


def test_a_detail_is_not_repeated() -> None:
    assert str(RefusedError(404, {"title": "Not found", "detail": "Not found"})) == "Not found"


def test_an_answer_without_a_problem_still_says_something() -> None:
    assert str(RefusedError(418, {})) == "HTTP status 418"
    assert (
        str(RefusedError(400, {"title": "Bad", "errors": ["odd", {"detail": "no field"}]}))
        == "Bad (odd; no field)"
    )


ONE = [{"field": "severity", "detail": "must be 1 to 5"}]
FOUR = [{"field": name, "detail": "is odd"} for name in "abcd"]


@pytest.mark.parametrize(
    ("errors", "detail", "sentence"),
    [
        (ONE, "severity: must be 1 to 5", "Invalid request (severity: must be 1 to 5)"),
        (FOUR[:2], "a: is odd; b: is odd", "Invalid request (a: is odd; b: is odd)"),
        (
            FOUR,
            "a: is odd; b: is odd (and 2 more)",
            "Invalid request (a: is odd; b: is odd; c: is odd; d: is odd)",
        ),
        (FOUR[:2], "a: is odd (and 7 more)", "Invalid request (a: is odd; b: is odd; and 6 more)"),
        (ONE, "severity: is odd", "Invalid request: severity: is odd (severity: must be 1 to 5)"),
    ],
)
def test_a_detail_that_only_joins_the_errors_is_left_out(
    errors: list[dict[str, str]], detail: str, sentence: str
) -> None:
    assert (
        str(RefusedError(422, {"title": "Invalid request", "detail": detail, "errors": errors})) == sentence
    )


@pytest.mark.parametrize(
    "error",
    [
        PlantError("a\x1b]0;b\x07\r\n\x9b\u2028c\ud800"),
        UnreachableError("\x1b[2J"),
        RefusedError(400, {"title": "a\nb", "detail": "\x1b", "errors": [{"field": "\x7f", "detail": "\0"}]}),
        RefusedError(400, {"title": "\0" * 100_000}),
        RefusedError(400, {"title": "a", "errors": ["b"] * 100_000}),
    ],
)
def test_every_text_is_one_printable_line_of_bounded_length(error: PlantError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) <= 2000
