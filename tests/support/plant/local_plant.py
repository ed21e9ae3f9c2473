"""A whole V-Factory of a test's own, driven by its command like a person does it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded import free_ports
from support import ROOT
from vfactory.stack.configuration import PORTS, port_variable

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class LocalPlant:
    """A running plant, by the environment that names it."""

    environment: Mapping[str, str]
    folder: Path

    def run(self, *arguments: str, code: int = 0) -> Outcome:
        """Run `vfactory` with these arguments and expect this exit code."""
        outcome = self.shell([str(BIN / "vfactory"), *arguments])
        assert outcome.code == code, outcome
        return outcome

    def shell(self, command: str | list[str]) -> Outcome:
        """Run a command line in the project's folder."""
        done = subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def background(self, *arguments: str) -> Iterator["Background"]:
        """Run `vfactory` beside the test; Ctrl-C ends it."""
        out, err = self.folder / f"{arguments[0]}.out", self.folder / f"{arguments[0]}.err"
        with out.open("w") as out_file, err.open("w") as err_file:
            process = subprocess.Popen(
                [str(BIN / "vfactory"), *arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdout=out_file,
                stderr=err_file,
            )
        try:
            yield Background(process, out, err)
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Background:
    """A command that runs beside the test."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self.out.read_text().splitlines()

    def has_said(self, text: str) -> bool:
        """Whether this stands on its stderr."""
        return text in self.err.read_text()

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail the test if it does not in time."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < give_up, f"waited in vain until {what}"
        time.sleep(0.1)


@contextmanager
def local_plant(folder: Path) -> Iterator[LocalPlant]:
    """Run a plant on free ports with its state in this folder, and take it down afterwards."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VFACTORY_")}
    ports = {port_variable(name): str(port) for name, port in free_ports(PORTS).items()}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    plant = LocalPlant({**clean, **ports, "VFACTORY_HOME": str(folder / "home"), "PATH": path}, folder)
    plant.run("up", "--detach")
    try:
        yield plant
    finally:
        plant.run("down")
