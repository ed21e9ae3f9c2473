"""Chooses the user that an embedded server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from typing import Literal

NOBODY = 65534


@dataclass(frozen=True)
class Identity:
    """The user a program runs as: this process's, another one, or another one within a user namespace."""

    mode: Literal["self", "user", "namespace"] = "self"
    uid: int = 0
    gid: int = 0

    @property
    def owner(self) -> tuple[int, int]:
        """The user and group that must own the program's files, as seen outside the namespace."""
        if self.mode == "user":
            return self.uid, self.gid
        return os.geteuid(), os.getegid()


MYSELF = Identity()


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return entry.pw_uid, entry.pw_gid


def _has_a_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def candidates() -> list[Identity]:
    """Return the identities to try, best first: initdb needs a user that is not root and has a name."""
    uid, gid = _nobody()
    namespace = Identity("namespace", uid, gid)
    if os.geteuid() == 0:
        return [Identity("user", uid, gid), namespace]
    return [MYSELF] if _has_a_name(os.geteuid()) else [namespace]
