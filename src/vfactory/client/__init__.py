"""The client half of the command: everything that uses a plant's public API."""
