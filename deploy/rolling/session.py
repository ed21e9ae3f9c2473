"""One load on one plant, from the calm before an update to the comparison after it."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Final, get_args

from deploy.rolling.factory import Factory
from deploy.rolling.load import Load
from deploy.rolling.proxy import Front, Proxy
from deploy.rolling.rollout import Cluster
from deploy.rolling.screens import Screen, flaws_of
from deploy.rolling.verdict import Verdict
from plant_client import Plant, Service

CALM_SECONDS: Final = 2.0


class Session:
    """Everybody who uses the plant while it is updated."""

    def __init__(self, proxy: Proxy, token: str, *, screens: int) -> None:
        self._proxy = proxy
        self._ways = [
            _plant(proxy, lambda front: front.ingress, token),
            _plant(proxy, lambda front: front.service, token),
        ]
        self._factory = Factory(self._ways[0])
        self._count = screens
        self._done = asyncio.Event()
        self._screens: list[Screen] = []
        self._watching: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Build the factory, connect every screen, and work on it for a moment."""
        await self._factory.build()
        ways = itertools.islice(itertools.cycle(self._ways), self._count)
        self._screens = [Screen(way, self._factory.id) for way in ways]
        self._watching = [asyncio.create_task(screen.run()) for screen in self._screens]
        await asyncio.gather(*(screen.connected.wait() for screen in self._screens))
        self._load = Load(self._ways, self._factory.id)
        self._working = asyncio.create_task(self._load.run(self._done))
        await asyncio.sleep(CALM_SECONDS)

    async def end(self) -> None:
        """Work on it for another moment, stop, and wait until every event has arrived."""
        await asyncio.sleep(CALM_SECONDS)
        self._done.set()
        await self._working
        await self._factory.settle(self._load.accepted, self._screens)
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def judge(self, cluster: Cluster, seconds: float) -> Verdict:
        """Compare and count."""
        losses = await self._factory.losses(self._load.accepted)
        await self._factory.close()
        return Verdict(
            seconds=seconds,
            accounts=self._load.accounts,
            endings=cluster.endings,
            connections=[screen.subscription.connections for screen in self._screens],
            events=min(len(screen.sequence) for screen in self._screens),
            proxy=self._proxy.troubles(),
            problems=[*self._problems(), *losses, *_problems_of(cluster)],
        )

    def _problems(self) -> Iterator[str]:
        for kind, account in self._load.accounts.items():
            yield from (f"{kind}: {why}" for why in account.failures)
        for screen in self._screens:
            yield from flaws_of(screen, self._load.accepted)
        for what, count in self._proxy.troubles().items():
            if count:
                yield f"the proxy counted {count} {what}"


def _problems_of(cluster: Cluster) -> Iterator[str]:
    for one in cluster.endings:
        if one.exit_code or one.killed:
            yield f"{one.pod} ended with {one.exit_code}"
    for pod in cluster.started:
        yield from (f"{pod.deployment.name}: {line}" for line in pod.grave_lines())


def _plant(proxy: Proxy, port: Callable[[Front], int], token: str) -> Plant:
    """Give the plant by one of the two ways to every service: by the Ingress, or by the Services."""
    urls = {name: f"http://127.0.0.1:{port(proxy.fronts[name])}" for name in get_args(Service)}
    return Plant(urls, lambda: token)
