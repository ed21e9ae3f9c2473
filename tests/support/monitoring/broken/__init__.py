"""What can be wrong with the monitoring, and what has to be said about it."""
