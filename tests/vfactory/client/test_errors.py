"""What a command ends with."""

import pytest

from plant_client import PlantError, RefusedError, UnreachableError, UnsendableError
from vfactory.client.errors import CommandError, UsageError, exit_code_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError(409, {}), 1),
        (CommandError(), 1),
        (UsageError(), 2),
        (UnreachableError("away"), 3),
        (UnsendableError("the token is empty"), 2),
        (UnreachableError("cannot answer now", 503), 3),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: CommandError | PlantError, code: int) -> None:
    assert exit_code_of(error) == code
