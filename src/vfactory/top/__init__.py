"""A live view of the local stack: the health, load, latency and errors of every process, and the alerts."""
