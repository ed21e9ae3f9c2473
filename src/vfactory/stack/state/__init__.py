"""The state directory: its path, its lock, the record of the running stack, and the secrets."""

from vfactory.stack.state.directory import HOME_VARIABLE, service_urls, state_directory
from vfactory.stack.state.lock import find_supervisor, hold_lock
from vfactory.stack.state.orphans import end_orphans
from vfactory.stack.state.secrets import Secret, find_secret, keep_secret
from vfactory.stack.state.stack_record import Part, StackRecord, read_record, remove_record, write_record

__all__ = [
    "HOME_VARIABLE",
    "Part",
    "Secret",
    "StackRecord",
    "end_orphans",
    "find_secret",
    "find_supervisor",
    "hold_lock",
    "keep_secret",
    "read_record",
    "remove_record",
    "service_urls",
    "state_directory",
    "write_record",
]
