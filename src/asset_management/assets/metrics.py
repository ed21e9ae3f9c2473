"""What uploads tell about themselves."""

from enum import StrEnum

from prometheus_client import Counter


class UploadOutcome(StrEnum):
    """How an upload ended."""

    STORED = "stored"
    REFUSED = "refused"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


UPLOADS = Counter("vfactory_asset_uploads", "Uploads that have ended, by how", ["outcome"])
UPLOAD_BYTES = Counter("vfactory_asset_upload_bytes", "Bytes of files received, kept or not")

for _outcome in UploadOutcome:
    UPLOADS.labels(_outcome)  # so that a rate over the first failure is one
