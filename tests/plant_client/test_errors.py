"""Refusals as one sentence."""

from plant_client import RefusedError


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
