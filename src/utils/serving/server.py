"""Serves one app over HTTP: binds, starts, drains and shuts down, each deadline within the next one."""

import asyncio
import contextlib
import gc
import math
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import uvicorn
import uvloop
from fastapi import FastAPI

from utils.lifecycle import (
    RECEIVED,
    ExitDeadline,
    Lifecycle,
    LoopLag,
    StartError,
    Watchdog,
    exit_at_once,
    raise_file_limit,
)
from utils.logging import logger, process_name
from utils.serving.connections import CONNECTIONS, RESERVED
from utils.serving.protocol import BoundedProtocol
from utils.settings import ServiceSettings
from utils.tracing import start_tracing

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_BACKLOG: Final = 2048
_OTHER_FILES: Final = 256  # databases, Redis, logs, files of assets
_KEEP_ALIVE_SECONDS: Final = 65  # longer than the 60 s of the usual proxies, so that they close first
_CANCEL_SECONDS: Final = 1.0  # for cancelled requests to release what they hold
_LAST_SPANS_SECONDS: Final = 2.0  # for the last spans to reach a collector
_LAST_ANSWER: Final = (b"connection", b"close")
_LAST_SECONDS: Final = 1.0  # between the last deadline of an orderly shutdown and the forced end


def serve(app: FastAPI, settings: ServiceSettings) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then exit: 0 after an orderly end, another code with a CRITICAL line.

    On the first signal readiness turns 503. Requests are served for another `DRAIN_SECONDS`; each answer
    closes its connection. Then streams end and the listener closes; requests in flight have three quarters of
    `SHUTDOWN_SECONDS`, the app's own cleanup the last quarter. One second later the process is ended by
    force. A second signal ends it at once.

    Raises:
        StartError: the address cannot be listened on.
    """
    bound_process(settings)
    sockets = bind(settings.host, settings.port)
    tracing = start_tracing(settings.service_name, process_name())
    service = _Service(app, settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.run(sockets))
    tracing.stop(min(_LAST_SPANS_SECONDS, service.seconds_left()))
    sys.exit(0)


def bound_process(settings: ServiceSettings) -> None:
    """Set the limits of connections and received bytes; raise the limit on open files to what they need."""
    needed = settings.max_connections + RESERVED + _OTHER_FILES
    files = raise_file_limit(needed)
    CONNECTIONS.limit = max(1, min(settings.max_connections, files - RESERVED - _OTHER_FILES))
    if files < needed:
        logger.warning(
            "The hard limit on open files is too low for MAX_CONNECTIONS: raise it (ulimit -Hn)",
            extra={"files": files, "needed": needed, "connections": CONNECTIONS.limit},
        )
    RECEIVED.limit = settings.max_received_bytes
    CONNECTIONS.expose()
    RECEIVED.expose()


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind every address of the host without listening yet: no client connects before the app is ready.

    Raises:
        StartError: the address is taken, forbidden or not of this machine.
    """
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            listener = socket.socket(family, kind, protocol)
            bound.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        for listener in bound:
            listener.close()
        raise cannot_listen(host, port, error) from error
    return bound


def cannot_listen(host: str, port: int, error: OSError) -> StartError:
    """Return an error that names the address, the reason and the settings that change it."""
    return StartError(
        f"Cannot listen on {host}:{port} ({error.strerror or error}): set PORT or HOST to another one"
    )


class _Server(uvicorn.Server):
    """uvicorn without its own signals and lifespan: both are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Service:
    """One run of one app."""

    def __init__(self, app: FastAPI, settings: ServiceSettings) -> None:
        self.app = app
        self.settings = settings
        self.lifecycle: Lifecycle = getattr(app.state, "lifecycle", None) or Lifecycle()
        app.state.lifecycle = self.lifecycle
        self.cleanup_seconds = settings.shutdown_seconds / 4
        self.server = _Server(_configure(app, settings, settings.shutdown_seconds - self.cleanup_seconds))
        self.stopping = False
        self.task: asyncio.Task[None] | None = None
        self.ends_by = math.inf

    def seconds_left(self) -> float:
        """Return the seconds left of an orderly shutdown; at least a quarter of a second."""
        return max(_LAST_SECONDS / 4, self.ends_by - time.monotonic())

    async def run(self, sockets: list[socket.socket]) -> None:
        """Start, serve and stop."""
        loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.on_signal, number)
        watchdog, lag = Watchdog(self.settings.watchdog_seconds, use_kernel_timer=True), LoopLag()
        watchdog.start()
        lag.start()
        try:
            async with self.app.router.lifespan_context(self.app):
                await self.listen(sockets)
        except asyncio.CancelledError:
            if not self.stopping:
                raise
            logger.info("Stopped during start-up")
        else:
            logger.info("Stopped")
        finally:
            lag.stop()
            watchdog.stop()

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Serve until a signal, and return when the last request has ended or been cancelled.

        Raises:
            StartError: the port has been taken since it was bound.
        """
        try:
            # Here, because uvloop reports nothing when the port has been taken meanwhile.
            for listener in sockets:
                listener.listen(_BACKLOG)
        except OSError as error:
            raise cannot_listen(self.settings.host, self.settings.port, error) from error
        _exempt_from_collections()
        self.lifecycle.started.set()
        logger.info(
            _started(self.settings.service_name),
            extra={"addresses": [_url(listener) for listener in sockets]},
        )
        await self.server.serve(sockets=sockets)
        if self.server.server_state.tasks:
            await asyncio.wait(self.server.server_state.tasks, timeout=_CANCEL_SECONDS)

    def on_signal(self, number: int) -> None:
        """Begin the orderly shutdown; at the second signal exit at once."""
        name = signal.Signals(number).name
        if self.stopping:
            logger.warning("Second signal: exiting at once", extra={"signal": name})
            exit_at_once(128 + number)
        self.stopping = True
        started = self.lifecycle.started.is_set()
        drain = self.settings.drain_seconds if started else 0
        logger.info("Draining", extra={"signal": name, "drain_seconds": drain})
        self.ends_by = time.monotonic() + drain + self.settings.shutdown_seconds
        ExitDeadline().start(drain + self.settings.shutdown_seconds + _LAST_SECONDS)
        self.lifecycle.begin_drain(streams_end_after=drain)
        self.send_clients_elsewhere()
        if started:
            asyncio.get_running_loop().call_later(drain, self.close_listener)
        elif self.task is not None:
            self.task.cancel()

    def send_clients_elsewhere(self) -> None:
        """Close each connection with its next answer; its client reconnects to a process that stays.

        A connection still open when the listener closes may be cut while a request is on its way.
        """
        state, configuration = self.server.server_state, self.server.config
        configuration.encoded_headers = [*configuration.encoded_headers, _LAST_ANSWER]
        state.default_headers = [*state.default_headers, _LAST_ANSWER]

    def close_listener(self) -> None:
        """Accept no new connections and let the open ones finish."""
        self.server.should_exit = True


def _configure(app: Any, settings: ServiceSettings, graceful_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, int(graceful_seconds)),
    )


def _exempt_from_collections() -> None:
    """Let garbage collections pass over what the start has made: walking through it takes 0.1 s."""
    gc.collect()
    gc.freeze()


def _started(service_name: str) -> str:
    """Return the founding guide's own words: `Factory Core Service 시작 완료`."""
    return f"{service_name.replace('-', ' ').title()} Service 시작 완료"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"
