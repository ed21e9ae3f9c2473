"""Explains why a process does not start."""

from typing import Final

from embedded import DiskFullError
from vfactory.stack.errors import PartFailedError, Refusal, SettingError
from vfactory.stack.keeping.keeper import Keeper, describe_end

# A second start gets a server over a damaged file; a process that ends again after it will not start.
MOST_RESTARTS: Final = 1


def refuse_failed(keeper: Keeper) -> None:
    """Check that the process may still start.

    Raises:
        StackError, EmbeddedError: it will not; the text says why.
    """
    if keeper.failure is not None:
        raise keeper.failure
    if keeper.job.once and keeper.code:
        raise failure(keeper, describe_end(keeper.code))
    if keeper.code == SettingError.exit_code:
        raise failure(keeper, "does not accept its settings")
    if keeper.part.restarts > MOST_RESTARTS:
        raise failure(keeper, f"{keeper.part.last_end} again and again")


def failure(keeper: Keeper, what: str) -> Refusal:
    """Return an error that says `what` happened, with the last lines of the process."""
    said = keeper.last_words()
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return DiskFullError(f"No room left for {keeper.part.name}. Free some.\n{said}")
    text = f"{keeper.part.name} {what}. See {keeper.job.log.path}."
    return PartFailedError(f"{text} It said:\n{said}" if said else text)
