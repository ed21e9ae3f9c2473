"""Keeps processes running: starts them again, writes down what they say, tells why one does not come up."""

from vfactory.stack.keeping.failures import failure, refuse_failed
from vfactory.stack.keeping.job import Job
from vfactory.stack.keeping.keeper import Keeper

__all__ = ["Job", "Keeper", "failure", "refuse_failed"]
