"""Ctrl-C while the command line is still being loaded."""

import signal
import subprocess
import sys

import pytest

# Sends SIGINT to itself as soon as the module is about to be imported, as a quick Ctrl-C would.
CODE = """
import os, signal, sys, importlib.abc

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

from vfactory.start import main
sys.meta_path.insert(0, Interrupt())
sys.argv = ["vfactory", "status"]
main()
"""


def restore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("module", ["vfactory.cli", "typer", "vfactory.client.commands.rules", "embedded"])
def test_it_ends_without_a_word(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module)],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=restore_interrupts,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE.format(module="typer").replace('"status"', '"--version"')],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("vfactory ")


def test_loading_takes_only_what_it_needs_before_it_is_safe() -> None:
    code = "import sys, vfactory.start; print([name for name in sys.modules if name.startswith('vfactory')])"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said.strip() == "['vfactory', 'vfactory.start']"
