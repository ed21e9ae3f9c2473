"""What can go wrong with servers and programs kept on this machine; each text tells a person what to do."""


class EmbeddedError(Exception):
    """A server or a program cannot be started or kept."""


class NotInstalledError(EmbeddedError):
    """A server's program is not installed for this machine."""


class PortTakenError(EmbeddedError):
    """Another program listens on the port."""


class AccessError(EmbeddedError):
    """A file or folder cannot be read, written or reached."""


class DiskFullError(EmbeddedError):
    """There is no room left on the disk."""


class DamagedDataError(EmbeddedError):
    """The data directory holds what this server did not leave there, or not in this form."""


class ServerFailedError(EmbeddedError):
    """A server, or the program that makes its data, ended or did not become ready in time."""


class StatementError(EmbeddedError):
    """The running server refused a statement."""
