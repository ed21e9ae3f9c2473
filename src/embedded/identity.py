"""Chooses as whom an embedded server runs: PostgreSQL refuses root."""

import os
import pwd
from dataclasses import dataclass
from typing import Literal

NOBODY = 65534


@dataclass(frozen=True)
class Identity:
    """A way to run a program: as ourselves, as another user, or as one only inside a user namespace."""

    mode: Literal["self", "user", "namespace"] = "self"
    uid: int = 0
    gid: int = 0

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that the program's files must belong to, seen from outside."""
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
    """Return the identities to try, best first: initdb wants one that is not root and has a name."""
    uid, gid = _nobody()
    namespace = Identity("namespace", uid, gid)
    if os.geteuid() == 0:
        return [Identity("user", uid, gid), namespace]
    return [MYSELF] if _has_a_name(os.geteuid()) else [namespace]
