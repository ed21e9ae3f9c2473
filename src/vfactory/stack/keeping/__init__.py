"""Keeps processes running: restarts them, logs their output, and explains why one does not start."""

from vfactory.stack.keeping.failures import failure, refuse_failed
from vfactory.stack.keeping.job import Job
from vfactory.stack.keeping.keeper import Keeper

__all__ = ["Job", "Keeper", "failure", "refuse_failed"]
