"""The factory that owns incidents of the platform itself: V-Factory and the systems that it runs on."""

from typing import Final
from uuid import UUID

PLATFORM_FACTORY_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The same in every installation, so that no service has to ask another for it.

Its timestamp is zero: no generated id can equal it, and it comes first in every list.
"""

PLATFORM_FACTORY_NAME: Final = "platform"
