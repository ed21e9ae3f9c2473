"""P1 and P3: `/health` beside a bare route that returns the same, and `/metrics` of a busy service."""

from collections.abc import Callable

import httpx
from fastapi import APIRouter, FastAPI

from benchmarks.harness import Goal, Options, Result, Samples, interleave
from benchmarks.harness.http_load import load
from benchmarks.harness.http_server import served
from benchmarks.harness.stack import servers
from utils.http import build_app
from utils.settings import ServiceSettings

RATE = Goal("P1", "/health beside a bare FastAPI route, 32 connections", "requests/s", 0.6, "at least")
SLOWEST = Goal("P1", "/health p99 at 32 connections", "ms", 5.0, "at most")
METRICS = Goal("P3", "/metrics with every route exercised", "ms", 10.0, "at most")

CONNECTIONS = 32
ROUTES = 40


def run(options: Options) -> list[Result]:
    """Load both servers in turn, then scrape ours after all its routes have been called."""
    seconds = options.scaled(2, 1)
    slowest: list[float] = []
    bare_slowest: list[float] = []
    with (
        servers() as environment,
        served("benchmarks.health:bare") as bare_port,
        served("benchmarks.health:ours", {**environment, "SERVICE_NAME": "benchmark"}) as port,
    ):
        subjects = {"ours": _rate(port, seconds, slowest), "bare": _rate(bare_port, seconds, bare_slowest)}
        figures = interleave(subjects, options)
        # The first round only warms up.
        p99, bare_p99 = Samples(tuple(slowest[1:])), Samples(tuple(bare_slowest[1:]))
        _exercise(port)
        scrape = interleave({"metrics": lambda: _scrape(port, options.scaled(50, 5))}, options)["metrics"]
    rate, slow = RATE.judge(figures["ours"], figures["bare"]), SLOWEST.judge(p99, limit=bare_p99)
    if bare_p99.median > SLOWEST.target:
        print(
            f"   {SLOWEST.target:g} ms are out of reach here: in these rounds the bare route's own p99 was "
            f"{bare_p99.median:.3g} ms; ours is {p99.median / bare_p99.median:.2f} of it"
        )
    return [rate, slow, METRICS.judge(scrape)]


def bare() -> FastAPI:
    """Build what anybody would write in a minute."""
    app = FastAPI()
    answer = {
        "status": "healthy",
        "timestamp": "2026-01-15T10:30:00Z",
        "database": "connected",
        "redis": "connected",
    }

    @app.get("/health")
    async def health() -> dict[str, str]:
        return answer

    return app


def ours() -> FastAPI:
    """Build a service with everything the kit puts into one, and as many routes as the largest will have."""
    app = build_app(ServiceSettings(), title="Benchmark", description="")
    router = APIRouter(prefix="/v1")
    for number in range(ROUTES):
        router.add_api_route(f"/things{number}/{{key}}", _thing, methods=["GET"])
    app.include_router(router)
    return app


async def _thing(key: int) -> dict[str, int]:
    return {"key": key}


def _rate(port: int, seconds: float, slowest: list[float]) -> Callable[[], float]:
    def measure() -> float:
        outcome = load(port, "/health", connections=CONNECTIONS, seconds=seconds)
        if outcome.errors:
            raise RuntimeError(f"{outcome.errors} answers other than 200")
        slowest.append(outcome.p99_ms)
        return outcome.rate

    return measure


def _exercise(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for number in range(ROUTES):
            for key in ("1", "one"):
                client.get(f"/v1/things{number}/{key}")
            client.delete(f"/v1/things{number}/1")


def _scrape(port: int, times: int) -> float:
    """Return the median time of a scrape in milliseconds, answer included."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        return sorted(client.get("/metrics").elapsed.total_seconds() * 1000 for _ in range(times))[times // 2]
