"""Replaces pods as Kubernetes does: first a new one is ready, then an old one is removed and told to stop."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from deploy.rolling.manifests import Deployment
from deploy.rolling.proxy import Proxy
from embedded import Program, free_port, launch

START_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.05
GRAVE: Final = ("ERROR", "CRITICAL")


class RolloutError(Exception):
    """A pod did not become ready."""


@dataclass
class Pod:
    """A process of a Deployment on a port of its own, and the file of its log lines."""

    deployment: Deployment
    number: int
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def grave_lines(self) -> list[str]:
        """Give what it has logged as ERROR or CRITICAL, and whatever is no log line."""
        return [line for line in self.log.read_text("utf-8").splitlines() if _is_grave(line)]


def _is_grave(line: str) -> bool:
    try:
        return json.loads(line)["level"] in GRAVE
    except (ValueError, KeyError):
        return True


@dataclass(frozen=True)
class Ending:
    """How an old pod went: seconds from SIGTERM to its end, exit code, and whether it had to be killed."""

    pod: str
    seconds: float
    exit_code: int
    killed: bool


@dataclass(frozen=True)
class Pace:
    """What of the cluster's own timing is set: None takes the manifests' number.

    `propagation_seconds` is how long the proxy goes on sending to a pod that is deleted already.
    """

    propagation_seconds: float
    probe_delay_seconds: float | None
    probe_period_seconds: float | None


class Cluster:
    """All pods of all Deployments."""

    def __init__(
        self,
        folder: Path,
        proxy: Proxy,
        pace: Pace,
        variables: Callable[[Deployment], Mapping[str, str]],
    ) -> None:
        self._folder = folder
        self._proxy = proxy
        self._pace = pace
        self._variables = variables
        self._pods: dict[str, list[Pod]] = {}
        self.started: list[Pod] = []
        self.endings: list[Ending] = []

    async def start(self, deployment: Deployment) -> None:
        """Start the Deployment's replicas, all at a time."""
        pods = [self._launch(deployment) for _ in range(deployment.replicas)]
        self._pods[deployment.name] = pods
        await asyncio.gather(*(self._admit(pod, at_once=True) for pod in pods))

    async def roll(self, deployment: Deployment) -> None:
        """Replace each pod: the next new one starts while the last old one still drains."""
        endings: list[asyncio.Task[None]] = []
        pods = self._pods[deployment.name]
        for old in list(pods):
            new = self._launch(deployment)
            pods.append(new)
            await self._admit(new)
            pods.remove(old)
            endings.append(asyncio.create_task(self._end(old)))
        await asyncio.gather(*endings)

    def stop(self) -> None:
        """End everything that still runs."""
        for pod in self.started:
            if pod.process.poll() is None:
                pod.process.kill()
                pod.process.wait()

    def _launch(self, deployment: Deployment) -> Pod:
        number, port = len(self.started), free_port()
        log = self._folder / f"{deployment.name}-{number}.log"
        program = Program(
            command=[sys.executable, "-I", "-m", *deployment.arguments],
            directory=self._folder,
            environment={**self._variables(deployment), "HOST": "127.0.0.1", "PORT": str(port)},
        )
        with log.open("wb") as output:
            pod = Pod(deployment, number, port, launch(program, output=output), log)
        self.started.append(pod)
        return pod

    async def _admit(self, pod: Pod, *, at_once: bool = False) -> None:
        """Probe the pod until it is ready, then let requests come to it."""
        probe, pace = pod.deployment.readiness, self._pace
        delay = probe.initial_delay_seconds if pace.probe_delay_seconds is None else pace.probe_delay_seconds
        period = probe.period_seconds if pace.probe_period_seconds is None else pace.probe_period_seconds
        await asyncio.sleep(0 if at_once else delay)
        deadline = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient(timeout=3) as client:
            while not await _is_ready(client, f"http://127.0.0.1:{pod.port}{probe.path}"):
                if pod.process.poll() is not None or time.monotonic() > deadline:
                    said = pod.log.read_text("utf-8", "replace")[-2000:]
                    raise RolloutError(f"{pod.deployment.name} did not become ready:\n{said}")
                await asyncio.sleep(POLL_SECONDS if at_once else period)
        if pod.deployment.is_api:
            self._proxy.add(pod.deployment.service, pod.port)

    async def _end(self, pod: Pod) -> None:
        """Do what follows a pod's deletion: its endpoint goes while it sleeps; then SIGTERM, then SIGKILL."""
        removal = asyncio.create_task(self._remove_endpoint(pod))
        await asyncio.sleep(pod.deployment.pre_stop_seconds)
        pod.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        left = pod.deployment.grace_seconds - pod.deployment.pre_stop_seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                while pod.process.poll() is None:  # noqa: ASYNC110 - nobody tells of another process's end
                    await asyncio.sleep(POLL_SECONDS)
        killed = pod.process.poll() is None
        if killed:
            pod.process.kill()
        code = await asyncio.to_thread(pod.process.wait)
        name = f"{pod.deployment.name}-{pod.number}"
        self.endings.append(Ending(name, round(time.monotonic() - told, 2), code, killed))
        await removal
        if pod.deployment.is_api:
            self._proxy.forget(pod.deployment.service, pod.port)

    async def _remove_endpoint(self, pod: Pod) -> None:
        await asyncio.sleep(self._pace.propagation_seconds)
        if pod.deployment.is_api:
            self._proxy.remove(pod.deployment.service, pod.port)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get(url)).is_success
    return False
