"""Installs a lock: `bootstrap.py local` what runs, `dev` what develops, both into `.venv`.

`bootstrap.py deploy` installs tools that cannot live beside them into `.cache/deploy`.

Needs nothing but Python ≥ 3.11 with venv and pip: uv does the work, and is fetched where there is none.
A stamp of what was installed makes the second run quick. Nothing outside the project's folder and the
package caches is touched.
"""

import ast
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv"
CACHE = PROJECT / ".cache"
# Each lock holds what the ones after it in this list hold, in the same versions.
LOCKS = ("dev", "local")
# These live apart from the project, which is not installed there.
TOOLS = ("deploy",)
OLDEST_UV = (0, 5)
PIP_INSTALL = ("-I", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
# How to reach and cache packages is the machine's business; where and what to install is ours.
KEPT = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CERT|CLIENT_CERT|PROXY|TRUSTED_HOST|CACHE_DIR|CONFIG_FILE"
    r"|DEFAULT_TIMEOUT|RETRIES|KEYRING_PROVIDER)"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INDEX_STRATEGY|INDEX_\w+_(USERNAME|PASSWORD)"
    r"|OFFLINE|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|HTTP_RETRIES|INSECURE_HOST|KEYRING_PROVIDER|CACHE_DIR|LINK_MODE"
    r"|CONCURRENT_\w+|CONFIG_FILE)"
)
UV_WORDS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    # uv knows no variable for `--no-index`; without an index nothing is left to ask the network for.
    "no-index": "UV_OFFLINE",
}
UV_PLACES = {
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
}


WITHOUT_NETWORK = (
    "How to install without a network, behind a proxy or by a mirror is in docs/installation.md "
    "(Korean: docs/installation.ko.md)."
)
CONNECT_SECONDS = 5


class FailedError(Exception):
    """A step of the installation failed; the text is what the program said."""


def main() -> None:
    """Install what the lock named on the command line says, unless it is installed already."""
    name = sys.argv[1] if len(sys.argv) > 1 else "local"
    if name not in LOCKS + TOOLS:
        fail(f"there is no lock called {name}; choose from {', '.join(LOCKS + TOOLS)}")
    os.umask(0o022)  # PostgreSQL, started by root, runs as another user and must read its programs
    os.chdir(PROJECT)
    try:
        with alone():
            if not is_done(name):
                install(name)
    except OSError as error:
        fail(f"cannot prepare {folder(name)}: {error}")
    except KeyboardInterrupt:
        print("V-Factory: stopped; the same command goes on where this one was.", file=sys.stderr)
        sys.exit(130)


@contextmanager
def alone() -> Iterator[None]:
    """Wait for another bootstrap in the same folder to end, and keep others waiting."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_done(name: str) -> bool:
    """Whether what `name` asks for, or more, is installed from the present locks."""
    enough = (name,) if name in TOOLS else LOCKS[: LOCKS.index(name) + 1]
    return runs(folder(name) / "bin" / "python") and any(read_stamp(name) == stamp(lock) for lock in enough)


def folder(name: str) -> Path:
    """Return the environment that the lock called `name` goes into."""
    return CACHE / name if name in TOOLS else ENVIRONMENT


def install(name: str) -> None:
    """Make the environment hold exactly what the lock says, and the project."""
    place = folder(name)
    lock = f"requirements/{name}.txt"
    print(f"Installing the packages of {lock} into {place.relative_to(PROJECT)}", file=sys.stderr)
    (place / "stamp").unlink(missing_ok=True)
    environment = clean_environment()
    environment |= known_to_pip(environment)
    away = find_unreachable(environment)
    if away is not None:
        print(f"V-Factory: {away}; trying the package cache", file=sys.stderr)
        environment |= {"UV_OFFLINE": "1", "PIP_NO_INDEX": "1"}
    try:
        fill(place, lock, environment, is_offline=away is not None)
    except FailedError as error:
        fail(f"{away}, and the package cache lacks something.\n{WITHOUT_NETWORK}" if away else str(error))
    (place / "stamp").write_text(stamp(name), encoding="ascii")


def fill(place: Path, lock: str, environment: Mapping[str, str], *, is_offline: bool) -> None:
    """Install what `lock` says into `place`, and the project unless it is a place of tools."""
    python = place / "bin" / "python"
    uv = find_uv(environment)
    if not runs(python):
        run([uv, "venv", "--quiet", "--clear", "--no-project", "--python", base_python(), place], environment)
    sync(uv, python, lock, environment, is_offline=is_offline)
    if place == ENVIRONMENT:
        project = ("--no-deps", "--no-build-isolation", "--offline", "--editable", ".")
        run([uv, "pip", "install", "--quiet", "--python", python, *project], environment)


def find_unreachable(environment: Mapping[str, str]) -> str | None:
    """Return what to say if no package registry can be reached; None if one can, or none is asked.

    Only a connection is tried, so that a machine without a network is told so at once, and not after every
    retry of every installer.
    """
    said = []
    for url in registries(environment):
        parts = urlsplit(url)
        proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        why = try_to_connect(urlsplit(proxy) if proxy else parts)
        if why is None:
            return None
        where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        said.append(f"{where}{' by the proxy of the environment' if proxy else ''} ({why})")
    return f"cannot reach the package registry {', '.join(said)}" if said else None


def registries(environment: Mapping[str, str]) -> list[str]:
    """Return the addresses that packages come from over a network; none if there is another source."""
    options = pip_options(environment)
    local = ("UV_OFFLINE", "UV_NO_INDEX", "UV_FIND_LINKS")
    if any(environment.get(name) for name in local) or {"no-index", "find-links"} & options.keys():
        return []
    named = [environment.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX")]
    urls = [
        word.rpartition("=")[2] if "://" not in word.partition("=")[0] else word
        for word in " ".join(named).split()
    ]
    urls = [url for url in urls if urlsplit(url).scheme in {"http", "https"}]
    return urls or ([] if any(named) else usual_registry(environment))


def usual_registry(environment: Mapping[str, str]) -> list[str]:
    """Return the address that pip asks if nothing else is said; none if this pip does not tell."""
    program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    command = [base_python(), "-I", "-c", program]
    done = subprocess.run(command, check=False, env=dict(environment), capture_output=True, text=True)  # noqa: S603
    return done.stdout.split() if done.returncode == 0 else []


def try_to_connect(parts: SplitResult) -> str | None:
    """Return why there is no connection to an address within 5 s; None if there is one."""
    said: list[str | None] = []

    def connect() -> None:
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS).close()
        except (OSError, ValueError) as error:
            said.append(getattr(error, "strerror", None) or str(error))
        else:
            said.append(None)

    # In a thread, because looking a name up has no timeout.
    trial = threading.Thread(target=connect, daemon=True)
    trial.start()
    trial.join(CONNECT_SECONDS)
    return said[0] if said else f"no answer within {CONNECT_SECONDS} s"


def sync(uv: str, python: Path, lock: str, environment: Mapping[str, str], *, is_offline: bool) -> None:
    """Install by uv; else with the machine's certificates (a proxy may sign with its own), else by pip."""
    options = ("--quiet", "--require-hashes", "--compile-bytecode", "--python", python)
    for further in ({}, {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}):
        if attempt([uv, "pip", "sync", *options, lock], {**environment, **further}) is None:
            return
        if is_offline:
            raise FailedError(lock)
    run([python, "-I", "-m", "ensurepip"], environment)
    run([python, *PIP_INSTALL, "-r", lock], environment)


def stamp(name: str) -> str:
    """Return what an environment must be in step with: lock, the project's metadata, and its place."""
    digest = hashlib.sha256(str(PROJECT).encode("utf-8", "surrogateescape"))
    digest.update((PROJECT / "requirements" / f"{name}.txt").read_bytes())
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    metadata = [told["build-system"], told["project"], told["tool"]["hatch"]]
    digest.update(json.dumps(metadata, sort_keys=True).encode())
    return f"{name} {digest.hexdigest()}\n"


def read_stamp(name: str) -> str:
    """Return the stamp of what is installed where `name` goes; empty when that is not known."""
    try:
        return (folder(name) / "stamp").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def runs(interpreter: Path) -> bool:
    """Whether `interpreter` works and is new enough (its base may have been removed since)."""
    command = [str(interpreter), "-I", "-S", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        return False


def base_python() -> str:
    """Return the interpreter itself, also when this runs in a virtual environment or through a shim."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def clean_environment() -> dict[str, str]:
    """Return the environment without what would install other things, or elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_")) or KEPT.fullmatch(name)
    }
    kept.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    if "UV_CACHE_DIR" not in kept and not has_cache(kept):
        kept.update(UV_CACHE_DIR=str(CACHE / "packages"), HOME=str(CACHE), PIP_CACHE_DIR=str(CACHE / "pip"))
    return kept


def has_cache(environment: Mapping[str, str]) -> bool:
    """Whether the user's own cache folder can be written, or made in a home that is there."""
    home = environment.get("HOME", "")
    named = environment.get("XDG_CACHE_HOME")
    path = Path(named) if named else Path(home) / ".cache"
    if not named and not (home and Path(home).is_dir()):
        return False
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def known_to_pip(environment: Mapping[str, str]) -> dict[str, str]:
    """Return where pip is told to look for packages, in uv's words, unless uv was told something itself."""
    if environment.keys() & UV_PLACES:
        return {}
    told = {
        UV_WORDS[option]: value
        for option, value in pip_options(environment).items()
        if option in UV_WORDS and UV_WORDS[option] not in environment
    }
    # A mirror may lag behind another one; what may be installed is settled by the hashes, not by the place.
    return {**told, "UV_INDEX_STRATEGY": "unsafe-best-match"} if told else {}


def pip_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings by their names; a variable goes over the same setting in a file."""
    command = [base_python(), "-I", "-m", "pip", "config", "list"]
    done = subprocess.run(command, check=False, env=dict(environment), capture_output=True, text=True)  # noqa: S603
    options = {}
    for line in sorted(done.stdout.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        options[key.split(".")[-1]] = str(ast.literal_eval(value))
    return options


def find_uv(environment: Mapping[str, str]) -> str:
    """Return a uv that is new enough: the machine's, the one fetched before, or one fetched now."""
    fetched = CACHE / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), str(fetched)):
        if candidate and version(candidate) >= OLDEST_UV:
            return candidate
    fetch_uv(CACHE / "uv", environment)
    return str(fetched)


def fetch_uv(place: Path, environment: Mapping[str, str]) -> None:
    """Let pip install uv into a virtual environment of its own: the interpreter itself may have no pip."""
    requirement = CACHE / "uv.txt"
    requirement.write_text(pinned("uv"), encoding="utf-8")
    run([base_python(), "-I", "-m", "venv", "--clear", place], environment)
    run([place / "bin" / "python", *PIP_INSTALL, "-r", requirement], environment)


def pinned(package: str) -> str:
    """Return the lines of the lock that pin `package`."""
    text = (PROJECT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==(?:.*\\\n)*.*\n", text, re.MULTILINE)
    return found.group() if found else package


def version(program: str) -> tuple[int, ...]:
    """Return the version a program tells; () when it does not run."""
    try:
        done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)  # noqa: S603
    except OSError:
        return ()
    found = re.search(r"(\d+)\.(\d+)", done.stdout) if done.returncode == 0 else None
    return tuple(int(part) for part in found.groups()) if found else ()


def run(command: Iterable[str | Path], environment: Mapping[str, str]) -> None:
    """Run `command`.

    Raises:
        FailedError: it failed; the text is what it said.
    """
    said = attempt(command, environment)
    if said is not None:
        raise FailedError(said)


def attempt(command: Iterable[str | Path], environment: Mapping[str, str]) -> str | None:
    """Run `command`; return what it was and what it said when it failed, else None."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, env=dict(environment), capture_output=True, text=True)  # noqa: S603
    if done.returncode == 0:
        return None
    said = f"{done.stdout}\n{done.stderr}".strip()
    return f"`{' '.join(words)}` failed:\n{said}"


def fail(text: str) -> NoReturn:
    """End with a sentence."""
    print(f"V-Factory: {text}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
