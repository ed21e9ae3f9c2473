"""`vfactory replay`: sends a recording as readings, at its own times or as if it were measured now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import partial
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
from vfactory.client.patience import patiently
from vfactory.client.references import NoSuchThingError, find_equipment, find_factory, in_path
from vfactory.client.replay.pace import SpeedError, read_speed
from vfactory.client.replay.position import PositionFile
from vfactory.client.replay.progress import open_progress
from vfactory.client.replay.reading import (
    ChoiceError,
    Choices,
    Recording,
    RecordingError,
    Survey,
    as_file,
    read_begin,
    read_columns,
    survey,
)
from vfactory.client.replay.report import Zones, describe
from vfactory.client.replay.run import Options, Replay
from vfactory.client.replay.summary import as_json as summary_as_json
from vfactory.client.time_zones import ZoneError, factory_zone, find_zone, read_zone
from vfactory.stack.errors import REFUSALS, Refusal
from vfactory.stack.state import state_directory

GOES_ON = "run the same command again to continue"
BEGINS_AGAIN = "run the same command again; what is stored already counts as duplicates"
_SILENT_BYTES = 20_000_000
"""A larger file takes seconds to read, which the command announces."""
_TIMES, _FORM, _LONG = "Times", "Form of the file", "Several machines or metrics"


class StoppedError(CommandError):
    """The user interrupted the replay."""

    exit_code = EXIT_INTERRUPTED


def replay(
    file: Annotated[
        Path,
        typer.Argument(help="A table: CSV or other text, XLSX, Parquet, also packed; - is standard input."),
    ],
    *,
    equipment: Annotated[
        str | None, typer.Option("--equipment", "-e", help="Tag of the machine that measured it.")
    ] = None,
    factory: FactoryOption = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A column that holds labels, not measurements; repeatable.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="'COLUMN=METRIC' renames a column; #3 is the third; repeatable.")
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
    create: Annotated[
        bool, typer.Option("--create", help="Add the factory and the machines if they do not exist.")
    ] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Start from the beginning, not where an interrupted replay stopped."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Send it although it is implausible; the command says why.")
    ] = False,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            "--timezone",
            help="Zone of times without an offset, and of the times shown. Default: the factory's.",
            rich_help_panel=_TIMES,
        ),
    ] = None,
    time_column: Annotated[
        list[str] | None,
        typer.Option(
            help="The column of times; repeatable: date, then clock or hour, minute.", rich_help_panel=_TIMES
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(
            help="Its notation, such as '%d.%m.%Y %H:%M'; or excel, seconds, milliseconds.",
            rich_help_panel=_TIMES,
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            help="The time of zero, where times count seconds; the day, where they are times of day.",
            rich_help_panel=_TIMES,
        ),
    ] = None,
    source_column: Annotated[
        str | None, typer.Option(help="The column that names the machine.", rich_help_panel=_LONG)
    ] = None,
    metric_column: Annotated[
        str | None, typer.Option(help="The column that names the metric.", rich_help_panel=_LONG)
    ] = None,
    value_column: Annotated[
        str | None, typer.Option(help="The column of its values.", rich_help_panel=_LONG)
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="Separator of cells: a character, or comma, semicolon, tab. Default: detected.",
            rich_help_panel=_FORM,
        ),
    ] = None,
    decimal: Annotated[
        str, typer.Option(help="The decimal sign of numbers: . or ,", rich_help_panel=_FORM)
    ] = ".",
    thousands: Annotated[
        str | None, typer.Option(help="The sign that groups digits by three.", rich_help_panel=_FORM)
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(help="A word that means that nothing was measured; repeatable.", rich_help_panel=_FORM),
    ] = None,
    strip: Annotated[
        list[str] | None,
        typer.Option(help="A unit or sign beside numbers, such as '°C'; repeatable.", rich_help_panel=_FORM),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="The file's encoding, such as cp949. Default: UTF-8 or UTF-16.", rich_help_panel=_FORM
        ),
    ] = None,
    skip_lines: Annotated[
        int, typer.Option(min=0, help="Lines before the one that names the columns.", rich_help_panel=_FORM)
    ] = 0,
    names: Annotated[
        str | None,
        typer.Option(
            help="The columns' names, separated by commas, if no line has them.", rich_help_panel=_FORM
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="Which sheet of a workbook, or file of a zip.", rich_help_panel=_FORM)
    ] = None,
    patience: Annotated[
        float,
        typer.Option(
            min=0, callback=finite, help="Seconds to keep retrying while the plant cannot be reached."
        ),
    ] = 600.0,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a recording through the plant's API as the readings of its machines.

    Every numeric column becomes a metric of the same name. The file is read once before anything is sent, and
    refused if it cannot be read whole. Sending a recording twice stores it once. After Ctrl-C, run the same
    command again to continue.

    Exit codes: 0 if every reading was accepted or already stored, 1 if the file was refused, or the plant
    refused
    a reading or keeps another value at its time, 2 for a wrong command, 3 if the plant could not be reached,
    130 if interrupted.
    """
    with connected(url) as client, _sentences(file):
        choices = Choices(
            delimiter=delimiter,
            time_columns=tuple(time_column or ()),
            exclude=tuple(exclude or ()),
            time_format=time_format,
            begin=read_begin(begin),
            encoding=encoding,
            decimal=decimal,
            thousands=thousands,
            skip_lines=skip_lines,
            part=part,
            names=tuple(names.split(",")) if names else (),
            columns=read_columns(column or ()),
            missing=tuple(missing or ()),
            strip=tuple(strip or ()),
            source_column=source_column,
            metric_column=metric_column,
            value_column=value_column,
            force=force,
        )
        _check_machine(equipment, source_column)
        options = Options(_speed(speed), as_new=as_new, restart=restart, patience_seconds=patience)
        given = _given_zone(time_zone)
        with as_file(file) as path:
            recording = Recording(path, choices, given or factory_zone(None))
            target = patiently(partial(_find_factory, client, factory, create=create), patience)
            zone = given or factory_zone(target)
            if recording.size_bytes > _SILENT_BYTES:
                typer.echo(f"vfactory: reading {printable(_name(file))} once before it is sent", err=True)
            found = _survey(recording.again(zone), now=None if as_new else utc_now(), force=force)
            if target is None:
                target = add_factory(client, str(factory), timezone=_zone_name(time_zone))
            _find_machines(
                client, target, [equipment] if equipment else found.recording.sources, create=create
            )
            identity = (
                client.plant.urls["factory-core"],
                target["id"],
                str(equipment),
                str(as_new),
                repr(choices),
                str(zone),
            )
            run = Replay(
                client,
                factory_id=target["id"],
                source=equipment,
                recording=recording.again(zone),
                position_file=PositionFile(state_directory() / "replay", path, identity),
                now=utc_now,
                span=found.span,
            )
            ended = _run(run, options, GOES_ON if path == file else BEGINS_AGAIN)
        machines = equipment or ", ".join(found.recording.sources)
        zones = Zones(given=given is not None, shown=find_zone(time_zone, target))
        _tell(run, file, machines, target, zones=zones, ended=ended, as_json=as_json)


def _tell(
    run: Replay,
    file: Path,
    machines: str,
    target: Json,
    *,
    zones: Zones,
    ended: Exception | None,
    as_json: bool,
) -> None:
    """Print what became of the readings, and fail if anything did not arrive."""
    tally = run.tally
    if as_json:
        where = {
            "file": str(file),
            "factory_id": target["id"],
            "equipment": machines,
            "complete": ended is None,
        }
        print_json(summary_as_json(run.recording, tally, where))
    else:
        verb = "Replayed" if ended is None else "Began to replay"
        typer.echo(printable(f"{verb} {_name(file)} as {_short(machines)} of {target['name']}"))
        for line in describe(run.recording, tally, zones):
            typer.echo(printable(line))
    if ended is not None:
        raise ended
    if tally.rejected_readings or tally.conflicts.count:
        raise typer.Exit(EXIT_REFUSED)


@contextmanager
def _sentences(file: Path) -> Iterator[None]:
    """Turn what is wrong with the file or an option into the command's errors."""
    try:
        yield
    except ChoiceError as error:
        raise UsageError(f"{_name(file)}: {error}") from error
    except RecordingError as error:
        raise CommandError(f"{_name(file)}: {error}") from error


def _speed(text: str) -> float | None:
    try:
        return read_speed(text)
    except SpeedError as error:
        raise UsageError(str(error)) from error


def _check_machine(equipment: str | None, source_column: str | None) -> None:
    if equipment is None and source_column is None:
        raise UsageError(
            "which machine measured it? --equipment TAG, or --source-column COLUMN if the file says it"
        )
    if equipment is not None and source_column is not None:
        raise UsageError("--equipment and --source-column exclude each other")


def _given_zone(name: str | None) -> tzinfo | None:
    try:
        return None if name is None else read_zone(name)
    except ZoneError as error:
        raise UsageError(f"--time-zone {error}") from error


def _zone_name(given: str | None) -> str:
    """Return the zone of a factory that is added; an offset is no name of a zone."""
    return given if given is not None and given[0].isalpha() and given.upper() != "Z" else "UTC"


def _find_factory(client: PlantClient, factory: str | None, *, create: bool) -> Json | None:
    """Return the factory; None if it is to be added.

    Raises:
        CommandError: The factory does not exist, or is ambiguous.
    """
    try:
        return find_factory(client, factory)
    except NoSuchThingError:
        if not create or factory is None:
            raise
        return None


def _survey(recording: Recording, *, now: datetime | None, force: bool) -> Survey:
    """Read the file once; refuse what is implausible.

    Raises:
        CommandError: The recording is implausible, and `force` is not set.
    """
    found = survey(recording)
    reasons = list(found.reasons(now))
    if reasons and not force:
        raise RecordingError(f"{'; '.join(reasons)}. Nothing was sent; --force sends it all the same")
    return found


def _find_machines(client: PlantClient, factory: Json, tags: Sequence[str], *, create: bool) -> None:
    """Check that the machines exist; with `create`, add what is missing.

    Raises:
        CommandError: A machine does not exist.
    """
    if not create and len(tags) == 1:
        find_equipment(client, factory, tags[0])
        return
    path = f"/v1/factories/{in_path(factory['id'])}/equipment"
    known = {str(one["tag"]) for one in client.items("factory-core", path)}
    missing = [tag for tag in tags if tag not in known]
    if missing and not create:
        names = ", ".join(missing[:8]) + (", …" if len(missing) > 8 else "")  # noqa: PLR2004 - enough to recognise
        raise CommandError(
            f"factory {factory['name']!r} has no equipment with the tags {names}; add them: --create"
        )
    for tag in missing:
        add_equipment(client, factory, tag)


def _run(run: Replay, options: Options, goes_on: str) -> CommandError | PlantError | Refusal | None:
    """Run the replay; return the error that ended it early, or None."""
    try:
        with open_progress(run.recording, Console(stderr=True)) as view:
            run.run(options, view)
    except (PlantError, *REFUSALS) as error:
        error.add_note(goes_on)
        return error
    except KeyboardInterrupt:
        return StoppedError(f"stopped; {goes_on}")
    return None


def _name(file: Path) -> str:
    return "standard input" if str(file) == "-" else file.name


def _short(machines: str) -> str:
    most = 60
    return machines if len(machines) <= most else f"{machines[:most]}…"
