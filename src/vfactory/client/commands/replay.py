"""`vfactory replay`: sends a recording as readings, at its own times or as if it were measured now."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from plant_client import Json, PlantClient, PlantError
from utils.clock import utc_now
from vfactory.client.commands.equipment import add_equipment
from vfactory.client.commands.factories import add_factory
from vfactory.client.commands.numbers import finite
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.errors import EXIT_INTERRUPTED, EXIT_REFUSED, CommandError, UsageError
from vfactory.client.output import print_json, printable
from vfactory.client.references import NoSuchThingError, find_equipment, find_factory
from vfactory.client.replay.columns import Choices
from vfactory.client.replay.lines import RecordingError
from vfactory.client.replay.pace import SpeedError, read_speed
from vfactory.client.replay.position import PositionFile
from vfactory.client.replay.progress import open_progress
from vfactory.client.replay.recording import Recording
from vfactory.client.replay.report import describe
from vfactory.client.replay.run import Options, Replay
from vfactory.client.replay.summary import as_json as summary_as_json
from vfactory.client.replay.times import TimeError, read_zone
from vfactory.stack.errors import REFUSALS, Refusal
from vfactory.stack.state import state_directory

GOES_ON = "run the same command again to continue"


class StoppedError(CommandError):
    """The user interrupted the replay."""

    exit_code = EXIT_INTERRUPTED


def replay(
    file: Annotated[
        Path, typer.Argument(help="A table in text: one row per time, columns named in the first line.")
    ],
    *,
    equipment: Annotated[str, typer.Option("--equipment", "-e", help="Tag of the machine that measured it.")],
    factory: FactoryOption = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A column that holds labels, not measurements; repeatable.")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="1: as recorded, 60: sixty times as fast, max: as fast as possible.")
    ] = "max",
    as_new: Annotated[
        bool,
        typer.Option(
            "--as-new", help="Shift the times: at speed 1 the recording begins now, faster it ends now."
        ),
    ] = False,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without an offset, such as Asia/Seoul. Default: UTC.")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="The column of times. Default: detected.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Its notation, such as '%d.%m.%Y %H:%M'.")] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="Separator of cells: a character, or comma, semicolon, tab. Default: detected."),
    ] = None,
    decimal: Annotated[str, typer.Option(help="The decimal sign of numbers: . or ,")] = ".",
    encoding: Annotated[
        str | None, typer.Option(help="The file's encoding, such as cp949. Default: UTF-8 or UTF-16.")
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Add the factory and the machine if they do not exist.")
    ] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Start from the beginning, not where an interrupted replay stopped."),
    ] = False,
    patience: Annotated[
        float,
        typer.Option(
            min=0, callback=finite, help="Seconds to keep retrying while the plant cannot be reached."
        ),
    ] = 600.0,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a recording through the plant's API as the readings of one machine.

    Every numeric column becomes a metric of the same name. Sending a recording twice stores it once. After
    Ctrl-C, run the same command again to continue.

    Exit codes: 0 if every reading was accepted or already stored, 1 if the plant refused any, 2 for a wrong
    command, 3 if the plant could not be reached, 130 if interrupted.
    """
    choices = Choices(delimiter, time_column, tuple(exclude or ()), time_format, encoding, decimal)
    with connected(url) as client:
        options = Options(_speed(speed), as_new=as_new, restart=restart, patience_seconds=patience)
        recording = _open(file, choices, timezone)
        found = _find_target(client, factory, equipment, create=create)
        identity = (
            client.plant.urls["factory-core"],
            found["id"],
            equipment,
            str(as_new),
            repr(choices),
            str(timezone),
        )
        run = Replay(
            client,
            factory_id=found["id"],
            source=equipment,
            recording=recording,
            position_file=PositionFile(state_directory() / "replay", file, identity),
            now=utc_now,
        )
        ended = _run(run, recording, options)
        target = {"factory_id": found["id"], "equipment": equipment, "complete": ended is None}
        if as_json:
            print_json(summary_as_json(recording, run.tally, target))
        else:
            verb = "Replayed" if ended is None else "Began to replay"
            typer.echo(f"{verb} {file.name} as {equipment} of {printable(found['name'])}")
            for line in describe(recording, run.tally, zone=timezone):
                typer.echo(printable(line))
        if ended is not None:
            raise ended
        if run.tally.rejected_readings:
            raise typer.Exit(EXIT_REFUSED)


def _speed(text: str) -> float | None:
    try:
        return read_speed(text)
    except SpeedError as error:
        raise UsageError(str(error)) from error


def _open(file: Path, choices: Choices, timezone: str | None) -> Recording:
    if choices.decimal not in {".", ","}:
        raise UsageError(f"--decimal must be . or , and not {choices.decimal!r}")
    try:
        return Recording(file, choices, read_zone(timezone or "UTC"))
    except TimeError as error:
        raise UsageError(f"--timezone {error}") from error
    except RecordingError as error:
        raise CommandError(str(error)) from error


def _find_target(client: PlantClient, factory: str | None, equipment: str, *, create: bool) -> Json:
    """Return the factory, after checking that the equipment exists in it; with `create`, add what is missing.

    Raises:
        CommandError: The factory or the equipment does not exist, or the factory is ambiguous.
    """
    try:
        found = find_factory(client, factory)
    except NoSuchThingError:
        if not create or factory is None:
            raise
        found = add_factory(client, factory)
    try:
        find_equipment(client, found, equipment)
    except NoSuchThingError:
        if not create:
            raise
        add_equipment(client, found, equipment)
    return found


def _run(run: Replay, recording: Recording, options: Options) -> CommandError | PlantError | Refusal | None:
    """Run the replay; return the error that ended it early, or None."""
    try:
        with open_progress(recording, Console(stderr=True)) as view:
            run.run(options, view)
    except RecordingError as error:
        return CommandError(f"{error}; {_first_trouble(recording)}")
    except (PlantError, *REFUSALS) as error:
        error.add_note(GOES_ON)
        return error
    except KeyboardInterrupt:
        return StoppedError(f"stopped; {GOES_ON}")
    return None


def _first_trouble(recording: Recording) -> str:
    return next((finding.describe() for finding in recording.findings), "it has no rows")
