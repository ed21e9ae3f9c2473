"""What `/metrics` shows of every process: the registry written out, and what is running here.

A metric itself is made beside the code that counts; the guide's HTTP metrics are in `utils.http`.
"""

from utils.metrics.build import expose_build, release
from utils.metrics.exposition import Exposition, SelfWriting

__all__ = ["Exposition", "SelfWriting", "expose_build", "release"]
