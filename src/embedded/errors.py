"""Errors of servers and programs run on this machine; each text says what to do."""


class EmbeddedError(Exception):
    """A server or a program cannot be started or kept running."""


class NotInstalledError(EmbeddedError):
    """A server's program is not installed for this machine."""


class PortTakenError(EmbeddedError):
    """Another program listens on the port."""


class PortForbiddenError(EmbeddedError):
    """Only root may listen on the port."""


class AddressError(EmbeddedError):
    """This machine does not have the address that a server should listen on."""


class AccessError(EmbeddedError):
    """A file or folder cannot be read, written or reached."""


class UnusablePathError(AccessError):
    """A path cannot be used as it is: something else stands in its place, or it is too long."""


class DiskFullError(EmbeddedError):
    """The disk is full."""


class DamagedDataError(EmbeddedError):
    """The data directory holds foreign files, or data that this server cannot use."""


class ServerFailedError(EmbeddedError):
    """A server, or the program that initializes its data, failed or was not ready in time."""


class StatementError(EmbeddedError):
    """The running server refused a statement."""
