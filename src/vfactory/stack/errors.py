"""What can go wrong with the local stack, told so that a person can act on it."""

from typing import ClassVar


class StackError(Exception):
    """A refusal to start or go on; its text is shown to the user as it is."""

    exit_code: ClassVar[int] = 1


class PortTakenError(StackError):
    """Somebody else listens on a port that the stack needs."""

    exit_code = 69


class AlreadyRunningError(StackError):
    """Another `vfactory up` holds this state directory."""

    exit_code = 75


class AccessError(StackError):
    """A file or folder cannot be read, written or reached."""

    exit_code = 77


class DiskFullError(StackError):
    """There is no room left where the state directory is."""

    exit_code = 74


class DamagedStateError(StackError):
    """The state directory holds something that this program did not leave there in this form."""

    exit_code = 65


class SettingError(StackError):
    """A flag or variable has a value that is not allowed."""

    exit_code = 78


class StartError(StackError):
    """A server or service did not come up."""

    exit_code = 70


class NotRunningError(StackError):
    """There is no stack to talk to."""

    exit_code = 3


class UnknownPartError(StackError):
    """The stack has no part of that name."""

    exit_code = 2
