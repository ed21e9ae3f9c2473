"""One load on one plant, from the calm before an update to the comparison after it."""

import asyncio
from collections.abc import Iterator
from typing import Final

from deploy.rolling.load import Addresses, Load, Screen
from deploy.rolling.plant import Plant, flaws_of
from deploy.rolling.proxy import Proxy
from deploy.rolling.rollout import Cluster
from deploy.rolling.verdict import Verdict

CALM_SECONDS: Final = 2.0


class Session:
    """Everybody who uses the plant while it is updated."""

    def __init__(self, proxy: Proxy, token: str, *, screens: int) -> None:
        self._proxy = proxy
        self._token = token
        self._ways = _ways(proxy)
        self._plant = Plant(self._ways[0], token)
        self._count = screens
        self._done = asyncio.Event()
        self._screens: list[Screen] = []
        self._watching: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Build the plant, connect every screen, and work on it for a moment."""
        await self._plant.build()
        urls = [self._ways[number % len(self._ways)].incident_event for number in range(self._count)]
        self._screens = [Screen(url, self._plant.factory, self._token) for url in urls]
        self._watching = [asyncio.create_task(screen.run()) for screen in self._screens]
        await asyncio.gather(*(screen.connected.wait() for screen in self._screens))
        self._load = Load(self._ways, self._plant.factory, self._token)
        self._working = asyncio.create_task(self._load.run(self._done))
        await asyncio.sleep(CALM_SECONDS)

    async def end(self) -> None:
        """Work on it for another moment, stop, and wait until every event has arrived."""
        await asyncio.sleep(CALM_SECONDS)
        self._done.set()
        await self._working
        await self._plant.settle(self._load.accepted, self._screens)
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def judge(self, cluster: Cluster, seconds: float) -> Verdict:
        """Compare and count."""
        losses = await self._plant.losses(self._load.accepted)
        await self._plant.close()
        return Verdict(
            seconds=seconds,
            accounts=self._load.accounts,
            endings=cluster.endings,
            connections=[screen.connections for screen in self._screens],
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


def _ways(proxy: Proxy) -> list[Addresses]:
    """Give the two ways to every service: by the Ingress, and by the Services."""
    fronts = {service.replace("-", "_"): front for service, front in proxy.fronts.items()}
    return [
        Addresses(**{name: f"http://127.0.0.1:{front.ingress}" for name, front in fronts.items()}),
        Addresses(**{name: f"http://127.0.0.1:{front.service}" for name, front in fronts.items()}),
    ]
