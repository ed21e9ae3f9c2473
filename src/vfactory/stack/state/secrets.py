"""The secrets of one stack, generated once; none is used that another user could have planted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe as generate
from typing import Final

from embedded import (
    make_private_folder,
    read_private_file,
    require_own_folder,
    require_private_file,
    write_private_file,
)

FOLDER: Final = "secrets"
LEAST_CHARACTERS: Final = 32
# Public keys, configurations and programs: what the stack believes and runs.
BELIEVED: Final = ("keys", "monitoring", "programs")


@dataclass(frozen=True)
class Secret:
    """A secret and its file."""

    value: str
    file: Path


def check_home(home: Path) -> None:
    """Check that other users can neither change what the stack believes or runs, nor use its secrets.

    Raises:
        AccessError: they can; it names the folder or file, and what to do.
    """
    require_own_folder(home, links=True)
    for name in (FOLDER, *BELIEVED):
        require_own_folder(home / name)
    folder = home / FOLDER
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        require_private_file(file)


def keep_secret(
    home: Path,
    name: str,
    *,
    make: Callable[[], str] = lambda: generate(32),
    before: Callable[[str], None] | None = None,
) -> Secret:
    """Return the secret called `name`; generate it if there is none, or only a damaged one.

    Args:
        home: the state directory.
        name: the file's name in the folder `secrets`.
        make: returns a new secret.
        before: called with a new secret before it is stored; if the process dies in between, the next start
            generates another one.

    Raises:
        EmbeddedError: the file cannot be read or written, or another user could have planted it.
    """
    known = find_secret(home, name)
    if known is not None:
        return known
    file = make_private_folder(home / FOLDER) / name
    made = make()
    if before is not None:
        before(made)
    write_private_file(file, made.strip() + "\n")
    return Secret(made.strip(), file)


def find_secret(home: Path, name: str) -> Secret | None:
    """Return the secret called `name`; None if there is none, or the file is damaged.

    Raises:
        EmbeddedError: the file cannot be read, or another user could have planted it.
    """
    require_own_folder(home, links=True)
    file = home / FOLDER / name
    require_own_folder(file.parent)
    try:
        value = (read_private_file(file) or b"").decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    usable = len(value) >= LEAST_CHARACTERS and value.replace("\n", "").isprintable()
    return Secret(value, file) if usable else None
