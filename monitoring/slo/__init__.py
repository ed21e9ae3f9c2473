"""Service level objectives: read, and made into rules."""
