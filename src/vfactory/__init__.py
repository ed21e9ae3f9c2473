"""The command `vfactory`: the local stack and a client of the public API."""
