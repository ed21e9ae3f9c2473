"""A running Asset Management as its tests see it: its address, its store, its clients."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import httpx

from support.plant.bare_client import client_of
from support.servers import RunningProcess

SERVICE = "asset-management"
MAX_UPLOAD_BYTES = 4 * 1024 * 1024


@dataclass
class Service:
    """A process and its store."""

    process: RunningProcess
    store: Path

    @property
    def url(self) -> str:
        return self.process.base_url

    def client(
        self, role: str = "engineer", factories: Iterable[UUID] | Literal["*"] = "*"
    ) -> httpx.AsyncClient:
        """Make a client with a token of this role, for `kim`."""
        return client_of(self.url, role, factories)

    def half_received(self) -> list[Path]:
        return list((self.store / "incoming").iterdir())

    def contents(self) -> list[Path]:
        return [path for path in (self.store / "sha256").rglob("*") if path.is_file()]
