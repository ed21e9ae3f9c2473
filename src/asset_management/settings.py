"""Asset Management's own settings, read from variables that begin with ASSET_MANAGEMENT_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from utils.settings import ServiceSettings

MEBIBYTE = 1024 * 1024


class AssetManagementSettings(ServiceSettings):
    """What Asset Management can be told beyond what all services share."""

    store_dir: Annotated[Path, Field(validation_alias="ASSET_MANAGEMENT_STORE_DIR")] = Path("assets")
    """The directory that keeps the files, shared by all replicas; made when it is not there.

    A relative one begins at the working directory.
    """

    max_upload_bytes: Annotated[
        int, Field(ge=1, le=4096 * MEBIBYTE - 1, validation_alias="ASSET_MANAGEMENT_MAX_UPLOAD_BYTES")
    ] = 256 * MEBIBYTE
    """How long one file may be, in bytes; GLB and WebP themselves end at 4 GiB."""

    file_threads: Annotated[int, Field(ge=1, le=64, validation_alias="ASSET_MANAGEMENT_FILE_THREADS")] = 8
    """How many reads and writes of files may run at the same time."""
