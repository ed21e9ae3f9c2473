"""The messages between a service and its decoders."""

from typing import Final

import msgspec

from asset_management.content.kinds import MediaType

MAX_MESSAGE_BYTES: Final = 4096


class Request(msgspec.Struct):
    """A file to check; its descriptor comes beside it. `seconds` bounds the processor's time."""

    media_type: MediaType
    seconds: int


class Answer(msgspec.Struct):
    """What was found: why the file is refused, None if it is not.

    `lacks_memory`: it would need more memory than there is. `is_last`: the decoder ends now.
    """

    refusal: str | None = None
    lacks_memory: bool = False
    is_last: bool = False
