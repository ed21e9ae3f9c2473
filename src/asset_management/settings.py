"""Asset Management's own settings, read from variables that begin with ASSET_MANAGEMENT_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from utils.settings import ServiceSettings

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
