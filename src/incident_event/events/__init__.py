"""The stream of events for clients that stay connected."""
