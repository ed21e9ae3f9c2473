"""Unpacks programs from the distribution's packages, without root."""

import errno
import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from embedded import file_error, make_folder
from vfactory.stack.errors import StackError

FOLDER_VARIABLE: Final = "VFACTORY_PROGRAMS_DIR"
NO_SPACE: Final = ("No space left on device", "enough free space", "Disk quota exceeded")
COMMAND_SECONDS: Final = 180.0
KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
SHARED: Final = "share"
LIBRARIES: Final = "lib"
TEMPLATES: Final = Path("prometheus/alertmanager")
HOW_TO_GET_THEM: Final = (
    "Install Prometheus, Alertmanager and their exporters on PATH, or set "
    f"{FOLDER_VARIABLE} to the folder that holds them."
)


class ProgramsError(StackError):
    """A program is not installed and cannot be fetched; the text says how to get it."""

    exit_code: ClassVar[int] = 69


def fetch(packages: Iterable[str], folder: Path, *, suite: str | None = None) -> None:
    """Unpack the programs of the distribution's `packages` into `folder`; nothing else changes.

    Several processes may call it at the same time; a program is there completely or not at all.

    Raises:
        ProgramsError: the system is not based on Debian, or its packages cannot be fetched in time.
        AccessError, DiskFullError: the folder cannot be written.
    """
    if platform.system() != "Linux" or not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise ProgramsError(f"This system has no apt-get to fetch them with. {HOW_TO_GET_THEM}")
    make_folder(folder)
    with _alone(folder), tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        room = Path(scratch)
        try:
            _download(sorted(packages), room, suite)
            _unpack(room)
        except subprocess.TimeoutExpired:
            raise ProgramsError(
                f"The distribution's packages did not come in time. {HOW_TO_GET_THEM}"
            ) from None
        except OSError as error:
            raise file_error(error, folder) from error
        for file in (*(room / "root/usr").glob("bin/*"), *(room / "root/usr").glob("sbin/*")):
            if file.is_file() and not file.is_symlink():
                file.replace(folder / file.name)
        _take_shared_files(room / "root", folder)
        _take_libraries(room / "root", folder)


def shared_files(program: Path) -> Path | None:
    """Return the folder that an unpacked program must see below /usr/share; None if it needs none."""
    folder = program.parent / SHARED
    return folder if (folder / TEMPLATES).exists() and not (Path("/usr/share") / TEMPLATES).exists() else None


def _take_shared_files(root: Path, folder: Path) -> None:
    """Keep Alertmanager's own templates, which Debian's Alertmanager reads from a fixed path."""
    for template in (root / "usr/share" / TEMPLATES).glob("*.tmpl"):
        template.replace(make_folder(folder / SHARED / TEMPLATES) / template.name)


def _take_libraries(root: Path, folder: Path) -> None:
    """Keep the libraries of the packages, which a program finds by LD_LIBRARY_PATH.

    Modules of a program are kept in a folder of the program's name.
    """
    for library in (root / "usr/lib").glob("*-linux-*/lib*.so.*"):
        library.replace(make_folder(folder / LIBRARIES) / library.name)
    for module in (root / "usr/lib").glob("*-linux-*/*/*.so"):
        module.replace(make_folder(folder / LIBRARIES / module.parent.name) / module.name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process in at a time; the kernel releases the lock when the process ends."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(packages: Sequence[str], room: Path, suite: str | None) -> None:
    """Fetch lists and packages with a private state of apt, which needs no root and no lock of the system."""
    for name in ("state/lists/partial", "cache/archives/partial", "packages"):
        (room / name).mkdir(parents=True)
    options = {
        "Dir::State": room / "state",
        "Dir::State::Lists": room / "state/lists",
        "Dir::Cache": room / "cache",
        "APT::Sandbox::User": "root",  # no user change: another user cannot enter the folder
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "15",
        "Acquire::https::Timeout": "15",
    }
    if suite:
        options |= {
            "Dir::Etc::SourceList": _sources(room, suite),
            "Dir::Etc::SourceParts": "-",
            "APT::Default-Release": "",
        }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    _run(["apt-get", "-q", *words, "update"], room)
    _run(["apt-get", "-q", *words, "download", *packages], room / "packages")


def _sources(room: Path, suite: str) -> Path:
    """Write and return a list of sources with `suite`, at the site of this machine's own packages.

    Raises:
        ProgramsError: this machine has no such site.
    """
    shown = _run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(COMPONENT)", "Created-By: Packages"],
        room,
    )
    for line in shown.splitlines():
        site, component = line.split()
        if component == "main" and site.rstrip("/").endswith("/debian"):
            signed = f"[signed-by={KEYRING}] " if Path(KEYRING).exists() else ""
            path = room / "sources.list"
            path.write_text(f"deb {signed}{site} {suite} main\n", encoding="utf-8")
            return path
    raise ProgramsError(f"This machine has no source of Debian's packages to get {suite} from.")


def _unpack(room: Path) -> None:
    for package in sorted((room / "packages").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(room / "root")], room)


def _run(command: Sequence[str], directory: Path) -> str:
    """Run a program of the distribution; return its output.

    Raises:
        ProgramsError: it failed; the text ends with its last line.
        DiskFullError: there is no room for what it writes.
    """
    done = subprocess.run(  # noqa: S603 - apt-get and dpkg, by fixed words
        command,
        cwd=directory,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode != 0:
        if any(words in done.stderr for words in NO_SPACE):
            raise file_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), directory)
        words = done.stderr.strip().splitlines() or ["no reason given"]
        raise ProgramsError(f"{command[0]} failed: {words[-1]} {HOW_TO_GET_THEM}")
    return done.stdout
