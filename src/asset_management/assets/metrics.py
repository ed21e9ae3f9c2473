"""Metrics of uploads."""

from enum import StrEnum

from prometheus_client import Counter


class UploadOutcome(StrEnum):
    """How an upload ended."""

    STORED = "stored"
    REFUSED = "refused"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


UPLOADS = Counter("vfactory_asset_uploads", "Ended uploads, by outcome", ["outcome"])
UPLOAD_BYTES = Counter("vfactory_asset_upload_bytes", "Bytes of files received, stored or not")

for _outcome in UploadOutcome:
    UPLOADS.labels(_outcome)  # shown at 0 from the start, so that `rate()` counts the first increment
