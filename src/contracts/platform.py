"""The factory that owns what happens to the platform itself: V-Factory, and what it stands on."""

from typing import Final
from uuid import UUID

PLATFORM_FACTORY_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The same in every installation: no service has to ask another one for it.

Made by no clock, so that no other id can be the same, and the first in every list.
"""

PLATFORM_FACTORY_NAME: Final = "platform"
