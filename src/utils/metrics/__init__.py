"""`/metrics`: the exposition of the registry, and the build info.

Each metric is defined beside the code that updates it; the guide's HTTP metrics are in `utils.http`.
"""

from utils.metrics.build import expose_build, release
from utils.metrics.exposition import Exposition, SelfWriting

__all__ = ["Exposition", "SelfWriting", "expose_build", "release"]
