"""A Valkey, which tests may hurt."""

import socket
from pathlib import Path

from embedded import ValkeyServer, free_port
from support.servers.hurt import PASSWORD, HurtServer


class Valkey(HurtServer[ValkeyServer]):
    """One Valkey, which tests may empty as well."""

    def __init__(self, directory: Path) -> None:
        super().__init__(ValkeyServer(directory, port=free_port(), password=PASSWORD))

    def url(self) -> str:
        return self.server.url()

    def command(self, *words: str) -> bytes:
        """Send one command on a connection of its own and give the first bytes of its answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for command in (("AUTH", self.server.password), words):
                parts = [f"*{len(command)}\r\n", *(f"${len(w.encode())}\r\n{w}\r\n" for w in command)]
                connection.sendall("".join(parts).encode())
                answer = connection.recv(65536)
        return answer

    def flush(self) -> None:
        """Lose everything, as Redis may at any time."""
        self.command("FLUSHALL")

    def terminate_sessions(self) -> None:
        self.command("CLIENT", "KILL", "TYPE", "normal")
        self.command("CLIENT", "KILL", "TYPE", "pubsub")

    def change_password(self, password: str) -> None:
        self.command("CONFIG", "SET", "requirepass", password)
        self.server.password = password
