"""Reads that may be a little old: on a read replica while it keeps up, on the primary otherwise."""

from utils.database.replica.reader import ReplicaReader

__all__ = ["ReplicaReader"]
