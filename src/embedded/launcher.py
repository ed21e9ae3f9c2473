"""Runs a program under another identity, tied to the life of the process that asked for it.

Started as a script of its own (`python -I -S launcher.py …`): between fork and exec nothing but
async-signal-safe calls may run in a threaded parent, and a death signal set before a change of identity is
forgotten by the kernel.
"""

import argparse
import ctypes
import os
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
    """Call a function of the C library; OSError when it answers anything but 0."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def enter_namespace(uid: int, gid: int) -> None:
    """Be `uid` and `gid` inside, and the same user as before to files outside (user_namespaces(7))."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1", encoding="ascii")


def show_shared_files(folder: str) -> None:
    """Let this program alone see what is in `folder` below /usr/share, as if its package were installed.

    In a mount namespace (mount_namespaces(7)), which an ordinary user may have inside a user namespace.
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
    os.chdir(folder)  # a relative path has no character that means something to overlayfs
    mount("overlay", SHARED_FILES, "overlay", MS_RDONLY, f"lowerdir=.:{SHARED_FILES}")


def mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    """Attach a file system."""
    library = ctypes.CDLL(None, use_errno=True)
    words = [word.encode() for word in (source, target, kind)]
    if library.mount(*words, ctypes.c_ulong(flags), options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {target}: {os.strerror(number)}")


def die_with_parent(number: int, parent: int) -> None:
    """Ask the kernel (Linux only) for signal `number` when the parent ends; exit when it has already."""
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
    """Change identity, then become the program."""
    wanted = parse(sys.argv[1:])
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
        os.execv(wanted.command[0], wanted.command)  # noqa: S606 - there is no shell to be had here
    except OSError as error:
        sys.stderr.write(f"cannot run {wanted.command[0]} in {wanted.directory}: {error}\n")
        sys.exit(CANNOT_RUN)


if __name__ == "__main__":
    main()
