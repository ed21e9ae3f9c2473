"""A local stack with a folder and ports of its own, worked by the command like a person does."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from embedded import free_ports
from support import ROOT
from support.waiting import PATIENCE_SECONDS, wait_for
from vfactory.commands.status import examine, judge
from vfactory.stack.configuration import MONITORING_PORTS, PORTS, default_home, port_variable
from vfactory.stack.programs import FOLDER_VARIABLE
from vfactory.stack.state import Part, read_record

BIN = Path(sys.executable).parent
COMMAND = str(BIN / "vfactory")


class Stack:
    """A stack with its state in `home`; `variables` go over the environment it is run with.

    It runs without monitoring unless VFACTORY_MONITORING says otherwise.
    """

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        every = free_ports((*PORTS, *MONITORING_PORTS))
        self.ports = {name: every[name] for name in PORTS}
        ours = {name: value for name, value in os.environ.items() if not name.startswith("VFACTORY_")}
        self.monitoring_ports = {name: every[name] for name in MONITORING_PORTS}
        moved = {port_variable(name): str(port) for name, port in every.items()}
        programs = os.environ.get(FOLDER_VARIABLE) or str(default_home() / "programs")  # fetched once for all
        self.environment = {
            **ours,
            **moved,
            "VFACTORY_HOME": str(home),
            "VFACTORY_MONITORING": "off",
            FOLDER_VARIABLE: programs,
            **variables,
        }

    def run(self, *arguments: str, code: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run `vfactory` to its end; with `code`, expect it to end so."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """What `vfactory` prints with `--json` when it succeeds."""
        return json.loads(self.run(*arguments, "--json", code=0).stdout)

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line in the project's folder, where `vfactory` is at hand."""
        return subprocess.run(  # noqa: S602 - the line is the documentation's
            command,
            shell=True,
            cwd=ROOT,
            env={**self.environment, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @contextmanager
    def background(self, *arguments: str) -> Iterator["Background"]:
        """Run `vfactory` beside the test, what it prints in files; killed at the end if it still runs."""
        out, err = (self.home.parent / f"{arguments[0]}.{name}" for name in ("out", "err"))
        with out.open("w") as out_file, err.open("w") as err_file:
            process = subprocess.Popen(
                [COMMAND, *arguments], env=self.environment, stdout=out_file, stderr=err_file
            )
        try:
            yield Background(process, out, err)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run `vfactory` beside the test, as in a terminal; killed at the end if it still runs."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [COMMAND, *arguments], env=self.environment, stdout=pipe, stderr=pipe, text=True
        ) as process:
            yield process
            process.kill()

    def status(self) -> dict[str, Any]:
        """What `vfactory status --json` says."""
        said: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return said

    def part(self, name: str) -> dict[str, Any]:
        """What the status says about one part."""
        found: dict[str, Any] = next(part for part in self.status()["parts"] if part["name"] == name)
        return found

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack, its supervisor first."""
        status = self.status()
        numbers = [status["supervisor"], *(part["pid"] for part in status["parts"])]
        return [psutil.Process(number) for number in numbers if number]

    def wait_until_healthy(self) -> None:
        """Block until `vfactory status` exits with 0; it is asked once the processes say so."""
        wait_for(lambda: self._says_that_it_is_healthy() and self.run("status").returncode == 0)

    def _says_that_it_is_healthy(self) -> bool:
        known = read_record(self.home)
        return known is not None and judge(known.state, examine(known.parts)) == "healthy"

    def kept(self, name: str) -> Part:
        """What the stack's own record says about one part: quick to ask again and again."""
        known = read_record(self.home)
        assert known is not None
        return next(part for part in known.parts if part.name == name)


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


@contextmanager
def run_stack(home: Path, **variables: str) -> Iterator[Stack]:
    """Run a stack with its state in `home`, and take it down afterwards."""
    stack = Stack(home, **variables)
    stack.run("up", "--detach", code=0)
    try:
        yield stack
    finally:
        stack.run("down", code=0)
