"""The local stack's configuration: its folders, ports and external servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from vfactory.stack.errors import SettingError

POSTGRES = "postgres"
VALKEY = "valkey"
DATABASE = "vfactory"
DATABASE_USER = "vfactory"
PORTS: Mapping[str, int] = MappingProxyType(
    {
        "factory-core": 8001,
        "incident-event": 8002,
        "asset-management": 8003,
        "factory-core-worker": 8011,
        "incident-event-worker": 8012,
        POSTGRES: 15432,
        VALKEY: 16379,
    }
)
MONITORING_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "prometheus": 9090,
        "alertmanager": 9093,
        "blackbox-exporter": 9115,
        "node-exporter": 9100,
        "postgres-exporter": 9187,
        "redis-exporter": 9121,
    }
)
DEFAULT_HOST = "127.0.0.1"
MEBIBYTE = 1024 * 1024


def default_home() -> Path:
    """Return `.vfactory` in the project's folder; without a project, in the current folder."""
    project = Path(__file__).resolve().parents[3]
    return (project if (project / "pyproject.toml").exists() else Path.cwd()) / ".vfactory"


def port_variable(name: str) -> str:
    """Return the environment variable that sets the port of the part called `name`."""
    return f"VFACTORY_{name.upper().replace('-', '_')}_PORT"


def chosen_folder(variable: str, text: str) -> Path | None:
    """Return the folder that `text`, the value of `variable`, names; None if it is empty.

    Raises:
        SettingError: it begins with `~` and a user who has no home folder here.
    """
    try:
        return Path(text).expanduser().absolute() if text else None
    except RuntimeError:
        user = Path(text).parts[0]
        raise SettingError(f"{variable} {text}: {user} is no user's home folder on this machine.") from None


@dataclass(frozen=True)
class Configuration:
    """The configuration of one local stack.

    Args:
        home: the state directory.
        host: the address that APIs and workers listen on; the embedded servers stay on 127.0.0.1.
        ports: TCP port (1..65535) of every part, all different.
        monitoring_ports: TCP port of every program of the monitoring, on 127.0.0.1.
        monitoring: whether to run the monitoring.
        database_url: a PostgreSQL (≥ 16) to use instead of the embedded one.
        redis_url: a Redis or Valkey to use instead of the embedded one.
        log_level: of the services.
        log_bytes: a process's log file is rotated before it grows beyond this.
        start_seconds: how long the whole start may take.
        log_folder: the folder of log files; by default `home`/logs.
        data_folder: the folder of the embedded servers; by default `home`/data.
        store_folder: the folder of Asset Management's files; by default `home`/assets.
        passed_on: further variables for services; each gets those with its own prefix.

    Raises:
        SettingError: two parts share a port, or a URL is invalid.
    """

    home: Path
    host: str = DEFAULT_HOST
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))
    monitoring_ports: Mapping[str, int] = field(default_factory=lambda: dict(MONITORING_PORTS))
    monitoring: bool = True
    database_url: str | None = None
    redis_url: str | None = None
    log_level: str = "INFO"
    log_bytes: int = 20 * MEBIBYTE
    start_seconds: float = 90
    log_folder: Path | None = None
    data_folder: Path | None = None
    store_folder: Path | None = None
    passed_on: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_ports(self.all_ports())
        check_url("DATABASE_URL", self.database_url, ("postgresql", "postgres"))
        check_url("REDIS_URL", self.redis_url, ("redis", "rediss"))

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.log_folder or self.home / "logs"

    @property
    def data(self) -> Path:
        """The folder of the embedded servers."""
        return self.data_folder or self.home / "data"

    @property
    def store(self) -> Path:
        """The folder of Asset Management's files."""
        return self.store_folder or self.home / "assets"

    @property
    def reachable_host(self) -> str:
        """An address by which this machine reaches `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104

    def all_ports(self) -> Mapping[str, int]:
        """Return the ports of all parts that this stack may run."""
        return {**self.ports, **(self.monitoring_ports if self.monitoring else {})}

    def address(self, name: str) -> str:
        """Return the host and port by which this machine reaches the part called `name`."""
        host = "127.0.0.1" if name in {*self.monitoring_ports, POSTGRES, VALKEY} else self.reachable_host
        return f"{f'[{host}]' if ':' in host else host}:{self.all_ports()[name]}"

    def parts(self) -> list[str]:
        """Return the names of the parts that this stack runs itself, without the monitoring."""
        external = {POSTGRES: self.database_url, VALKEY: self.redis_url}
        return [name for name in self.ports if not external.get(name)]


def check_ports(ports: Mapping[str, int]) -> None:
    """Check that no two parts share a port.

    Raises:
        SettingError: two do; it names both.
    """
    owners: dict[int, str] = {}
    for name, port in ports.items():
        other = owners.setdefault(port, name)
        if other != name:
            raise SettingError(
                f"{other} and {name} cannot both listen on port {port}. Move one of them with "
                f"{port_variable(other)} or {port_variable(name)}."
            )


def check_url(variable: str, url: str | None, schemes: tuple[str, ...]) -> None:
    """Check that `url`, if set, has one of `schemes` and names a host.

    Raises:
        SettingError: it does not; the text does not hold the value, which may be secret.
    """
    if not url:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(
            f"{variable} must be an address that begins with {schemes[0]}:// and names a host."
        )
