"""Runs the local stack: starts servers, migrations and services, watches them, and stops them in reverse."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Final

from embedded import make_folder
from vfactory.stack import preconditions
from vfactory.stack.configuration import DATABASE, MONITORING_PORTS, PORTS, POSTGRES, VALKEY, Configuration
from vfactory.stack.errors import REFUSALS, PartFailedError, explain
from vfactory.stack.keeping import Job, Keeper, failure, refuse_failed
from vfactory.stack.logs import SUPERVISOR, json_line, log_file
from vfactory.stack.monitoring import MONITORING, Monitoring
from vfactory.stack.parts import (
    SERVICES,
    Surroundings,
    find_outdated,
    give_roles,
    migration_jobs,
    postgres_server,
    server_job,
    service_jobs,
    share_role,
    valkey_server,
)
from vfactory.stack.state import (
    Part,
    StackRecord,
    check_home,
    end_orphans,
    hold_lock,
    keep_issuers,
    keep_secret,
    remove_record,
    write_record,
)

POLL_SECONDS: Final = 0.02
WATCH_SECONDS: Final = 1.0
# How long the start waits for programs being fetched, and for the monitoring to be ready.
MONITORING_SECONDS: Final = 10.0
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest(BaseException):
    """A signal asked to stop while the stack was starting."""


class Supervisor:
    """One run of the stack.

    Args:
        configuration: of the stack.
        say: shows a sentence to the user.
    """

    def __init__(self, configuration: Configuration, *, say: Callable[[str], None]) -> None:
        self._configuration = configuration
        self._say = say
        self._asked = threading.Event()
        self._keepers: list[Keeper] = []
        self._writing = threading.Lock()
        self._state = "starting"
        self._outdated = list(SERVICES)
        self._monitoring = Monitoring(configuration, say=self._warn)
        self._around: Surroundings | None = None
        self._is_monitored = not configuration.monitoring
        self._journal = log_file(configuration, SUPERVISOR)

    def run(self, ready: Callable[[StackRecord], None]) -> None:
        """Start everything, call `ready`, and wait until a signal asks to stop; then stop everything.

        Raises:
            StackError, EmbeddedError: a part did not start; everything has been stopped.
        """
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        check_home(self._configuration.home)
        with hold_lock(self._configuration.home):
            try:
                self._prepare()
                self._start()
                self._state = "running"
                self._note("INFO", "The stack is ready")
                self._write_record()
                ready(self._record())
                self._watch()
            except StopRequest:
                self._note("INFO", "The stack was told to stop while it started")
            except REFUSALS as error:
                self._note("CRITICAL", explain(error))
                raise
            finally:
                self._stop()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the same for all
        self._asked.set()

    def _prepare(self) -> None:
        """Make the folders, end orphans of an earlier run, and check the preconditions."""
        for folder in (self._configuration.logs, self._configuration.data, self._configuration.store):
            make_folder(folder)
        left = end_orphans(self._configuration.home)
        if left:
            self._warn(f"Ended what an earlier run had left: {', '.join(left)}.")
        preconditions.check(self._configuration)

    def _start(self) -> None:
        deadline = time.monotonic() + self._configuration.start_seconds
        if not self._is_monitored:
            self._monitoring.search()
        around = self._around = self._start_servers(deadline)
        migrations = [self._keep(job) for job in migration_jobs(self._configuration, self._outdated, around)]
        for migration in migrations:
            self._await(deadline, migration, partial(_has_succeeded, migration))
        lasting = [self._keep(job) for job in service_jobs(self._configuration, around)]
        for keeper in lasting:
            self._await(deadline, keeper, keeper.job.is_ready)
        self._start_monitoring(around)

    def _start_monitoring(self, around: Surroundings) -> None:
        """Start the programs that are found; those still being fetched are started later."""
        if self._is_monitored:
            return
        end = time.monotonic() + MONITORING_SECONDS
        while not self._monitoring.has_searched(POLL_SECONDS):
            if self._asked.is_set():
                raise StopRequest
            if time.monotonic() > end:
                self._warn("Prometheus and Alertmanager are still being fetched; they follow.")
                return
        for keeper in self._monitor(around):
            while not keeper.job.is_ready() and time.monotonic() < end and not self._asked.wait(POLL_SECONDS):
                pass

    def _monitor(self, around: Surroundings) -> list[Keeper]:
        self._is_monitored = True
        return [self._keep(job) for job in self._monitoring.jobs(around)]

    def _start_servers(self, deadline: float) -> Surroundings:
        issuers = keep_issuers(self._configuration.home)
        stream_key = keep_secret(self._configuration.home, "stream-key").file
        database_url, redis_url = self._configuration.database_url, self._configuration.redis_url
        starting = []
        if not redis_url:
            valkey = valkey_server(self._configuration)
            redis_url = valkey.url()
            starting.append(self._keep(server_job(self._configuration, VALKEY, valkey)))
        if database_url:
            urls = share_role(database_url)
        else:
            postgres = postgres_server(self._configuration)
            keeper = self._keep(server_job(self._configuration, POSTGRES, postgres))
            self._await(deadline, keeper, keeper.job.is_ready)
            postgres.create_database(DATABASE)
            urls = give_roles(postgres, self._configuration.home)
            self._outdated = find_outdated(postgres, DATABASE, SERVICES)
        for keeper in starting:
            self._await(deadline, keeper, keeper.job.is_ready)
        return Surroundings(urls, redis_url, issuers, stream_key)

    def _keep(self, job: Job) -> Keeper:
        keeper = Keeper(job, changed=self._write_record, said=self._warn)
        self._keepers.append(keeper)
        keeper.start()
        return keeper

    def _await(self, deadline: float, awaited: Keeper, condition: Callable[[], bool]) -> None:
        """Block until `condition` holds.

        Raises:
            StackError, EmbeddedError: it does not hold in time, or a part cannot be started.
            StopRequest: a signal asked to stop.
        """
        while not condition():
            for keeper in self._keepers:
                if keeper.part.kind != MONITORING:  # the stack also runs without it
                    refuse_failed(keeper)
            if time.monotonic() > deadline:
                raise failure(awaited, f"was not ready within {self._configuration.start_seconds:g} s")
            if self._asked.wait(POLL_SECONDS):
                raise StopRequest

    def _watch(self) -> None:
        """Wait until asked to stop, and check that every keeper lives.

        Raises:
            PartFailedError: the keeper of a process has died.
        """
        while not self._asked.wait(WATCH_SECONDS):
            if self._configuration.monitoring:
                self._keep_monitoring()
            for keeper in self._keepers:
                if not keeper.is_alive() and not keeper.job.once and keeper.part.kind != MONITORING:
                    raise PartFailedError(f"Nobody watches {keeper.part.name} any more. Stopping everything.")
                keeper.hurry()

    def _keep_monitoring(self) -> None:
        """Start programs fetched since, and renew Alertmanager's token; a failure does not end the stack."""
        try:
            if not self._is_monitored and self._around and self._monitoring.has_searched():
                self._monitor(self._around)
                self._write_record()
            self._monitoring.renew()
        except REFUSALS as error:
            self._warn(explain(error))

    def _stop(self) -> None:
        """Stop services, then servers, each kind at the same time."""
        self._state = "stopping"
        self._write_record()
        _end(keeper for keeper in self._keepers if keeper.part.kind != "server")
        _end(keeper for keeper in self._keepers if keeper.part.kind == "server")
        self._note("INFO", "The stack has stopped")
        self._journal.close()
        remove_record(self._configuration.home)

    def _record(self) -> StackRecord:
        parts = [keeper.part for keeper in self._keepers if keeper.part.kind != "migration"]
        external = {POSTGRES: self._configuration.database_url, VALKEY: self._configuration.redis_url}
        parts.extend(
            Part(name=name, kind="external", where=preconditions.place(url), state="external")
            for name, url in external.items()
            if url
        )
        order = [*PORTS, *MONITORING_PORTS]
        parts.sort(key=lambda part: order.index(part.name))
        return StackRecord(
            supervisor=os.getpid(),
            state=self._state,
            logs=str(self._configuration.logs),
            parts=parts,
            missing=self._monitoring.missing,
        )

    def _write_record(self) -> None:
        """Write the record; a failure, such as a full disk, is only logged: the calling thread must go on."""
        with self._writing:
            try:
                write_record(self._configuration.home, self._record())
            except REFUSALS as error:
                self._note("ERROR", explain(error))

    def _warn(self, text: str) -> None:
        self._note("WARNING", text)
        self._say(text)

    def _note(self, level: str, text: str) -> None:
        self._journal.write([json_line(level, SUPERVISOR, text)])


def _end(keepers: Iterable[Keeper]) -> None:
    ending = list(keepers)
    for keeper in ending:
        keeper.stop()
    for keeper in ending:
        keeper.join()


def _has_succeeded(keeper: Keeper) -> bool:
    return keeper.code == 0 and not keeper.is_alive()
