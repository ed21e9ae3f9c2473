from support.servers.scripted import Answer, serve
from vfactory.top.asking import Asker
from vfactory.top.exposition import Scrape
from vfactory.top.figures import UNKNOWN
from vfactory.top.history import WINDOW_SECONDS, History, kept_of


def told(count: int) -> Answer:
    return 200, "text/plain", f'http_requests_total{{path="/v1/x",status_code="200"}} {count}\n'.encode()


def moments(scrapes: list[Scrape]) -> list[float]:
    return [scrape.at for scrape in scrapes]


def test_half_a_minute_is_kept() -> None:
    kept: list[Scrape] = []
    for second in range(0, 100, 2):
        kept = kept_of(kept, Scrape(second, {}))
    assert moments(kept)[-1] - moments(kept)[0] == WINDOW_SECONDS


def test_two_are_kept_however_far_apart() -> None:
    kept = kept_of([Scrape(0, {}), Scrape(60, {})], Scrape(120, {}))
    assert moments(kept) == [60, 120]


async def test_rates_need_two_answers_and_whoever_was_silent_begins_anew() -> None:
    silence: Answer = (503, "text/plain", b"")
    with serve(told(5), told(6), silence, told(9), told(10)) as server:
        history, urls = History(), {"factory-core": server.url}
        async with Asker() as asker:
            answers = [await history.ask(asker, urls) for _ in range(5)]
    rates = [figures.get("factory-core", UNKNOWN).request_rate for figures in answers]
    assert [rate is not None for rate in rates] == [False, True, False, False, True]


async def test_a_page_of_another_program_is_no_answer() -> None:
    with serve((200, "text/html", b"<html>hello</html>")) as server:
        history = History()
        async with Asker() as asker:
            assert await history.ask(asker, {"factory-core": server.url}) == {}
        assert history.seconds is None
