"""What is broken on purpose, each for as long as its block runs."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from monitoring.drills.stack import DrillStack
from vfactory.stack.configuration import DATABASE

Fault = Callable[[DrillStack], AbstractContextManager[None]]

KILL_EVERY_SECONDS: Final = 12.0
MEMORY: Final = "vfactory:memory_limit:ratio > 0.95"
MEMORY_OF_THE_DRILL: Final = 'vfactory:memory_limit:ratio{job="v-factory-asset-management"} > 0.0001'
"""A tenth of a thousandth of the memory: what every process uses."""

# Longer than a statement may take: to the consumer the database is away, to everybody else it is there.
SLOW_POSITIONS: Final = """
    CREATE FUNCTION incident_event.be_slow() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
    CREATE TRIGGER be_slow BEFORE INSERT OR UPDATE ON incident_event.consumer_positions
        FOR EACH ROW EXECUTE FUNCTION incident_event.be_slow()
"""
QUICK_POSITIONS: Final = "DROP FUNCTION incident_event.be_slow() CASCADE"


@contextmanager
def database_stopped(stack: DrillStack) -> Iterator[None]:
    """PostgreSQL is not there."""
    stack.postgres.stop()
    try:
        yield
    finally:
        stack.postgres.start()


def frozen(name: str) -> Fault:
    """A process stands still (SIGSTOP): it takes connections and says nothing."""

    @contextmanager
    def fault(stack: DrillStack) -> Iterator[None]:
        stack.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            stack.signal(name, signal.SIGCONT)

    return fault


def killed_again_and_again(name: str) -> Fault:
    """A process ends whenever it has come back."""

    @contextmanager
    def fault(stack: DrillStack) -> Iterator[None]:
        over = threading.Event()

        def kill() -> None:
            while True:
                stack.signal(name, signal.SIGKILL)
                if over.wait(KILL_EVERY_SECONDS):
                    return

        killer = threading.Thread(target=kill, name="killer", daemon=True)
        killer.start()
        try:
            yield
        finally:
            over.set()
            killer.join()

    return fault


@contextmanager
def table_missing(stack: DrillStack) -> Iterator[None]:
    """Asset Management's table is not there: what asks for it ends with a status of 500."""
    stack.postgres.ask("ALTER TABLE asset_management.assets RENAME TO assets_away", database=DATABASE)
    try:
        yield
    finally:
        stack.postgres.ask("ALTER TABLE asset_management.assets_away RENAME TO assets", database=DATABASE)


@contextmanager
def consumer_stalled(stack: DrillStack) -> Iterator[None]:
    """No transaction of the consumer comes to its end."""
    stack.postgres.ask(SLOW_POSITIONS, database=DATABASE)
    try:
        yield
    finally:
        stack.postgres.ask(QUICK_POSITIONS, database=DATABASE)


@contextmanager
def memory_threshold_lowered(stack: DrillStack) -> Iterator[None]:
    """Asset Management uses more memory than the rule of the drill allows."""
    path = stack.rules / "resources.yml"
    committed = path.read_text("utf-8")
    if MEMORY not in committed:
        raise ValueError(f"{path} has no rule {MEMORY} any more")
    try:
        path.write_text(committed.replace(MEMORY, MEMORY_OF_THE_DRILL), encoding="utf-8")
        stack.reload_rules()
        yield
    finally:
        path.write_text(committed, encoding="utf-8")
        stack.reload_rules()
