"""The command's client half: what talks to a plant through its public API."""
