"""Asset Management's own settings, read from variables that begin with ASSET_MANAGEMENT_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from utils.settings import PositiveSeconds, ServiceSettings

MEBIBYTE = 1024 * 1024


class AssetManagementSettings(ServiceSettings):
    """Asset Management's settings, beside those that all services share."""

    store_dir: Annotated[Path, Field(validation_alias="ASSET_MANAGEMENT_STORE_DIR")] = Path("assets")
    """The directory of the files, shared by all replicas; made if missing.

    A relative path starts at the working directory.
    """

    max_upload_bytes: Annotated[
        int, Field(ge=1, le=4096 * MEBIBYTE - 1, validation_alias="ASSET_MANAGEMENT_MAX_UPLOAD_BYTES")
    ] = 256 * MEBIBYTE
    """The greatest size of one file, in bytes; GLB and WebP are limited to 4 GiB by their formats."""

    file_threads: Annotated[int, Field(ge=1, le=64, validation_alias="ASSET_MANAGEMENT_FILE_THREADS")] = 8
    """How many reads and writes of files run at the same time."""

    decoders: Annotated[int, Field(ge=1, le=32, validation_alias="ASSET_MANAGEMENT_DECODERS")] = 2
    """How many received files are checked at the same time, each by a process of its own."""

    decoder_memory_bytes: Annotated[
        int, Field(ge=128 * MEBIBYTE, validation_alias="ASSET_MANAGEMENT_DECODER_MEMORY_BYTES")
    ] = 768 * MEBIBYTE
    """The greatest address space of a decoder; a file that needs more is refused."""

    decoder_seconds: Annotated[
        PositiveSeconds, Field(validation_alias="ASSET_MANAGEMENT_DECODER_SECONDS")
    ] = 20
    """How long the check of one file may take; a file that needs longer is refused."""
