"""The Redis client, with short timeouts, and the names of streams."""

from uuid import UUID

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_TIMEOUT_SECONDS = 2.0
# A blocking read must end well before the client's own timeout.
BLOCK_SECONDS = 1.0
MAX_CONNECTIONS = 512


def create_redis(url: str) -> Redis:
    """Return a client that never retries: it gives up after 1 s of connecting or 2 s without an answer."""
    pool = ConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    return Redis.from_pool(pool)


def stream_key(service_name: str, factory_id: UUID) -> str:
    """Return the key of the stream of one factory's events; the factory is Redis Cluster's hash tag."""
    return f"vfactory:{service_name}:{{{factory_id}}}:events"


def index_key(service_name: str) -> str:
    """Return the key of the index of a service's streams, itself a stream.

    Each entry names a factory that has a stream, in the field `factory_id`.
    """
    return f"vfactory:{service_name}:streams"
