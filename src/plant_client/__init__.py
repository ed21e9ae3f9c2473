"""A client of V-Factory's public API: requests, errors as sentences, and an event stream that resumes.

It imports no other package of this repository, so that any program may use it.
"""

from plant_client.async_client import AsyncPlantClient
from plant_client.client import PlantClient
from plant_client.errors import PlantError, RefusedError, UnreachableError, UnsendableError
from plant_client.events import Break, Event, Reset, Subscription
from plant_client.plant import Json, Plant, Service
from plant_client.reading import Limits
from plant_client.requests import RequestOptions, read_token

__all__ = [
    "AsyncPlantClient",
    "Break",
    "Event",
    "Json",
    "Limits",
    "Plant",
    "PlantClient",
    "PlantError",
    "RefusedError",
    "RequestOptions",
    "Reset",
    "Service",
    "Subscription",
    "UnreachableError",
    "UnsendableError",
    "read_token",
]
