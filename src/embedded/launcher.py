"""Runs a program under another identity, and ends it when the process that started it ends.

It is started as a script of its own (`python -I -S launcher.py …`): in a threaded parent only
async-signal-safe calls may run between fork and exec, and the kernel clears a death signal when the identity
changes.
"""

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
MS_RDONLY = 1
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
SHARED_FILES = "/usr/share"
PR_SET_PDEATHSIG = 1
CANNOT_RUN = 126


def call(name: str, *arguments: int) -> None:
    """Call a function of the C library.

    Raises:
        OSError: the function did not return 0.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def become(uid: int, gid: int) -> None:
    """Give up root permanently, for `uid` and `gid`."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def enter_namespace(uid: int, gid: int) -> None:
    """Run as `uid` and `gid` in a user namespace; outside, the user stays the same (user_namespaces(7))."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1", encoding="ascii")


def show_shared_files(folder: str) -> None:
    """Show the files in `folder` below /usr/share, to this program only, as if their package were installed.

    This uses a mount namespace (mount_namespaces(7)), which an ordinary user may have within a user
    namespace.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        call("unshare", CLONE_NEWNS)
    else:
        call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    mount("none", "/", "", MS_REC | MS_PRIVATE, "")
    os.chdir(folder)  # a relative path has no character that is special to overlayfs
    mount("overlay", SHARED_FILES, "overlay", MS_RDONLY, f"lowerdir=.:{SHARED_FILES}")


def mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    """Mount a file system.

    Raises:
        OSError: the kernel refuses it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    words = [word.encode() for word in (source, target, kind)]
    if library.mount(*words, ctypes.c_ulong(flags), options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target}: {os.strerror(number)}")


def die_with_parent(number: int, parent: int) -> None:
    """Have the kernel (Linux only) send signal `number` when the parent ends; exit if it has ended."""
    if sys.platform != "linux":
        return
    call("prctl", PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(CANNOT_RUN)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["self", "user", "namespace"], required=True)
    parser.add_argument("--uid", type=int, default=0)
    parser.add_argument("--gid", type=int, default=0)
    parser.add_argument("--death-signal", type=int, default=0)
    parser.add_argument("--parent", type=int, default=0)
    parser.add_argument("--shared-files", default="")
    parser.add_argument("--directory", required=True)
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def main() -> None:
    """Change the identity, then execute the program in place of this script."""
    wanted = parse(sys.argv[1:])
    # A background job of a script ignores SIGINT and hands that on, but here SIGINT may be the death signal.
    # No terminal sends it: the program has a session of its own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        if wanted.mode == "user":
            become(wanted.uid, wanted.gid)
        elif wanted.mode == "namespace":
            enter_namespace(wanted.uid, wanted.gid)
        if wanted.shared_files:
            show_shared_files(wanted.shared_files)
        if wanted.death_signal:
            die_with_parent(wanted.death_signal, wanted.parent)
        os.chdir(wanted.directory)
        os.execv(wanted.command[0], wanted.command)  # noqa: S606 - no shell is involved
    except OSError as error:
        sys.stderr.write(f"cannot run {wanted.command[0]} in {wanted.directory}: {error}\n")
        sys.exit(CANNOT_RUN)


if __name__ == "__main__":
    main()
