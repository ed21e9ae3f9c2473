"""How this product talks to Redis: names of streams, and a client that never waits for long."""

from uuid import UUID

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_TIMEOUT_SECONDS = 2.0
# A blocking read must be answered well before the client gives up on the server.
BLOCK_SECONDS = 1.0
MAX_CONNECTIONS = 512


def create_redis(url: str) -> Redis:
    """Make a client that gives up after 1 s without a connection, 2 s without an answer; it never retries."""
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
    """Name the stream of one factory's events; the factory is the cluster's hash tag."""
    return f"vfactory:{service_name}:{{{factory_id}}}:events"


def index_key(service_name: str) -> str:
    """Name the stream that tells of every stream born: one entry per factory, field `factory_id`."""
    return f"vfactory:{service_name}:streams"
