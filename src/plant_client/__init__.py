"""A client of V-Factory's public API: requests, errors as sentences, and the event stream over breaks.

It stands on nothing of this repository, so that whatever speaks to a plant may use it.
"""

from plant_client.async_client import AsyncPlantClient
from plant_client.client import PlantClient
from plant_client.errors import PlantError, RefusedError, UnreachableError
from plant_client.events import Break, Event, Reset, Subscription
from plant_client.plant import Json, Plant, Service
from plant_client.requests import RequestOptions

__all__ = [
    "AsyncPlantClient",
    "Break",
    "Event",
    "Json",
    "Plant",
    "PlantClient",
    "PlantError",
    "RefusedError",
    "RequestOptions",
    "Reset",
    "Service",
    "Subscription",
    "UnreachableError",
]
