"""A module that cannot be imported."""

raise ImportError("a wheel is missing")
