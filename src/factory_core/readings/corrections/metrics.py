"""What corrections tell about themselves."""

from prometheus_client import Counter

CORRECTED = Counter("vfactory_readings_corrected", "Readings whose value or quality was corrected")
