"""The stack's log files: rotated by size and read back by time; and the supervisor's own lines."""

from vfactory.stack.logs.files import LogFile, log_file, log_path
from vfactory.stack.logs.lines import SUPERVISOR, as_json_line, json_line
from vfactory.stack.logs.reader import LogReader, last_lines, new_lines, wait_for_more

__all__ = [
    "SUPERVISOR",
    "LogFile",
    "LogReader",
    "as_json_line",
    "json_line",
    "last_lines",
    "log_file",
    "log_path",
    "new_lines",
    "wait_for_more",
]
