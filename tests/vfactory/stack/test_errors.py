from pathlib import Path

import pytest

from embedded import (
    AccessError,
    AddressError,
    DamagedDataError,
    DiskFullError,
    EmbeddedError,
    NotInstalledError,
    PortForbiddenError,
    PortTakenError,
    ServerFailedError,
    StatementError,
    file_error,
)
from vfactory.stack.errors import NotRunningError, SettingError, exit_code, explain


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DamagedDataError, 65),
        (PortTakenError, 69),
        (NotInstalledError, 70),
        (ServerFailedError, 70),
        (StatementError, 70),
        (DiskFullError, 74),
        (AccessError, 77),
        (PortForbiddenError, 77),
        (AddressError, 78),
    ],
)
def test_every_error_of_the_embedded_servers_ends_the_command_with_its_code(
    error: type[EmbeddedError], code: int
) -> None:
    assert exit_code(error("why")) == code
    assert exit_code(SettingError("why")) == 78


def test_the_codes_are_those_of_all_errors_there_are() -> None:
    known = {DamagedDataError, PortTakenError, NotInstalledError, ServerFailedError, StatementError}
    known |= {PortForbiddenError, AddressError}
    assert {*known, DiskFullError, AccessError} == set(EmbeddedError.__subclasses__())


@pytest.mark.parametrize("number", [13, 20, 28])
def test_what_the_folder_is_to_blame_for_names_the_setting_that_moves_it(number: int) -> None:
    told = explain(file_error(OSError(number, "no"), Path("/home/mina/.vfactory")))
    assert told.count("/home/mina/.vfactory") == told.count("VFACTORY_HOME") == 1


def test_another_folder_is_the_second_choice_only_where_there_is_a_first() -> None:
    home = Path("/dev/null/home")
    assert explain(file_error(NotADirectoryError(20, "Not a directory"), home)) == (
        "Cannot use /dev/null/home: Not a directory. Choose another folder with VFACTORY_HOME."
    )
    assert exit_code(file_error(NotADirectoryError(20, "Not a directory"), home)) == 77
    assert explain(file_error(PermissionError(13, "Permission denied"), home)).endswith(
        "Give yourself access to it. Or choose another folder with VFACTORY_HOME."
    )


def test_a_server_that_is_not_installed_names_what_can_be_used_instead() -> None:
    told = explain(NotInstalledError("The embedded Valkey is not installed."))
    assert "`local`" in told
    assert "REDIS_URL" in told


def test_advice_stands_behind_the_servers_own_words_on_a_line_of_its_own() -> None:
    assert explain(DiskFullError("No room.\nPANIC: no")).splitlines()[1:] == [
        "PANIC: no",
        "Or choose another folder with VFACTORY_HOME.",
    ]
    assert explain(PortTakenError("Port 1 is taken.")) == "Port 1 is taken."
    assert explain(NotRunningError("It does not run.")) == "It does not run."
