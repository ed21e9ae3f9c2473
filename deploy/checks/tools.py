"""The environment of tools that cannot live beside the project, prepared when it is first needed."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from vfactory.stack.programs import ProgramsError

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = ROOT / ".cache" / "deploy"


@cache
def tools_python() -> Path:
    """Its Python, after installing what `requirements/deploy.txt` pins unless that is done.

    Raises:
        ProgramsError: it cannot be installed; the text says why.
    """
    command = [str(ROOT / "scripts" / "python"), str(ROOT / "scripts" / "bootstrap.py"), "deploy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise ProgramsError(done.stderr.strip())
    return ENVIRONMENT / "bin" / "python"


def tool(name: str) -> Path:
    """A program of that environment."""
    return tools_python().with_name(name)
