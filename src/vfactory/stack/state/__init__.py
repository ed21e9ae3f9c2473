"""The state directory: its path, its lock, the record of the running stack, and the secrets."""

from vfactory.stack.state.directory import HOME_VARIABLE, service_urls, state_directory
from vfactory.stack.state.issuers import COMMAND, Issuers, find_signing_key, keep_issuers
from vfactory.stack.state.lock import find_supervisor, hold_lock
from vfactory.stack.state.orphans import end_orphans
from vfactory.stack.state.secrets import Secret, check_home, find_secret, keep_secret
from vfactory.stack.state.stack_record import Part, StackRecord, read_record, remove_record, write_record

__all__ = [
    "COMMAND",
    "HOME_VARIABLE",
    "Issuers",
    "Part",
    "Secret",
    "StackRecord",
    "check_home",
    "end_orphans",
    "find_secret",
    "find_signing_key",
    "find_supervisor",
    "hold_lock",
    "keep_issuers",
    "keep_secret",
    "read_record",
    "remove_record",
    "service_urls",
    "state_directory",
    "write_record",
]
