"""Makes folders and secret files with fixed modes, whatever the umask, and changes their owner."""

import os
import pwd
import stat
from pathlib import Path

from embedded.errors import AccessError, DiskFullError, UnusablePathError

# A server started by root runs as another user, who must be able to pass through the folder, not to read it.
PASSABLE = 0o711
PRIVATE = 0o700
OTHERS_MAY_WRITE = 0o022
OTHERS_MAY_USE = 0o077


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


def require_own_folder(path: Path, *, links: bool = False) -> None:
    """Check that no other user but root can change what the folder `path` holds; a missing one passes.

    Args:
        path: the folder.
        links: whether `path` may be a link, of this user or root, to such a folder.

    Raises:
        AccessError: another user can, or owns it.
    """
    try:
        found = [path.lstat(), path.stat()]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise file_error(error, path) from error
    for one in found:
        _require_owner(path, one, {os.geteuid(), 0})
    if stat.S_ISLNK(found[0].st_mode) and not links:
        raise AccessError(f"{path} is a link. Put the folder itself in its place.")
    if found[1].st_mode & OTHERS_MAY_WRITE:
        raise AccessError(
            f"Other users can change what {path} holds. See that nothing in it is theirs, then run "
            f"`chmod go-w {path}`."
        )


def read_private_file(path: Path) -> bytes | None:
    """Return the content of the secret file `path`; None if there is none.

    Raises:
        AccessError: it is no file of this user, other users can read or change it, or it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        require_private_file(path)
        raise file_error(error, path) from error
    try:
        _require_private(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def require_private_file(path: Path) -> None:
    """Check that the secret `path` is a file that only this user can use.

    Raises:
        AccessError: it is not.
    """
    try:
        _require_private(path, path.lstat())
    except OSError as error:
        raise file_error(error, path) from error


def _require_private(path: Path, found: os.stat_result) -> None:
    _require_owner(path, found, {os.geteuid()})
    if stat.S_ISLNK(found.st_mode):
        raise AccessError(f"{path} is a link. Put the file itself in its place.")
    if not stat.S_ISREG(found.st_mode):
        raise AccessError(f"{path} is not a file. Put a file in its place, or remove it.")
    if found.st_mode & OTHERS_MAY_USE:
        raise AccessError(
            f"Other users may read or change {path}. If none has, run `chmod 600 {path}`; else remove it."
        )


def _require_owner(path: Path, found: os.stat_result, owners: set[int]) -> None:
    if found.st_uid not in owners:
        owner = _name(found.st_uid)
        raise AccessError(
            f"{path} belongs to {owner}, not to {_name(os.geteuid())}: another user may have planted it. "
            f"Remove it, or start as {owner}."
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


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
