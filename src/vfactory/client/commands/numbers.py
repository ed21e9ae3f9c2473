"""Checks the numbers of options."""

import math

import typer


def finite(value: float | None) -> float | None:
    """Return an option's value; a callback.

    Raises:
        typer.BadParameter: It is NaN or infinite.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value
