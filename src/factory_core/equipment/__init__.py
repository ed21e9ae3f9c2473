"""The equipment of a factory: its machines, each with a tag."""
