"""Makes folders and secret files with fixed modes, whatever the umask, and changes their owner."""

import os
from pathlib import Path

from embedded.errors import AccessError, DiskFullError, UnusablePathError

# A server started by root runs as another user, who must be able to pass through the folder, not to read it.
PASSABLE = 0o711
PRIVATE = 0o700


def make_folder(path: Path) -> Path:
    """Make the folder `path` and its missing parents, and return `path`; existing ones keep their mode.

    Raises:
        AccessError, DiskFullError: a folder cannot be made.
    """
    mode = PASSABLE if os.geteuid() == 0 else PRIVATE
    missing = []
    existing = path
    try:
        while not existing.exists():
            missing.append(existing)
            existing = existing.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
    except OSError as error:
        raise file_error(error, path) from error
    return path


def file_error(error: OSError, path: Path) -> AccessError | DiskFullError:
    """Return the operating system's error about `path` as an error whose text says what to do."""
    detail = error.strerror or str(error)
    match error:
        case OSError(errno=28 | 122):
            return DiskFullError(f"No room left for {path}: {detail}. Free some.")
        case PermissionError() | OSError(errno=30):
            return AccessError(f"Cannot write {path}: {detail}. Give yourself access to it.")
        case _:
            return UnusablePathError(f"Cannot use {path}: {detail}.")


def make_private_folder(path: Path) -> Path:
    """Make the folder `path`, which only its owner may enter, and return it.

    Raises:
        AccessError, DiskFullError: the folder cannot be made or changed.
    """
    make_folder(path)
    try:
        path.chmod(PRIVATE)
    except OSError as error:
        raise file_error(error, path) from error
    return path


def write_private_file(path: Path, text: str) -> None:
    """Write `text` to `path` in one step, readable only by its owner.

    Raises:
        AccessError, DiskFullError: the file cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise file_error(error, path) from error


def hand_over(path: Path, uid: int, gid: int) -> None:
    """Make `uid` and `gid` own `path` and everything below it (links, not their targets)."""
    if (path.lstat().st_uid, path.lstat().st_gid) == (uid, gid):
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, uid, gid, follow_symlinks=False)
    os.chown(path, uid, gid, follow_symlinks=False)


def flush_folder(path: Path) -> None:
    """Flush the entries of the folder `path` to disk, so that they survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tail(path: Path, lines: int = 5) -> str:
    """Return the last `lines` lines of the text file `path`; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
