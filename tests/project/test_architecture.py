"""The import contracts hold, and bite: a planted violation is named."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support import ROOT

LINT = Path(sys.executable).with_name("lint-imports")

# file that gets the forbidden line, the line, the contract that must name it
VIOLATIONS = {
    "a service imports another service": (
        "incident_event/rules/service.py",
        "import factory_core.readings.lifecycle",
        "services do not know each other",
    ),
    "the kit imports a message": ("utils/clock.py", "import contracts.access", "contracts on the kit"),
    "a contract imports a service": (
        "contracts/access.py",
        "import factory_core.settings",
        "contracts on the kit",
    ),
    "the command imports a service": (
        "vfactory/cli.py",
        "import factory_core.settings",
        "The command starts services as processes",
    ),
    "the embedded servers import the kit": (
        "embedded/postgres.py",
        "import utils.clock",
        "The embedded servers stand on nothing of ours",
    ),
    "the embedded servers import the command": (
        "embedded/processes.py",
        "import vfactory.stack.errors",
        "services do not know each other",
    ),
    "a service imports the embedded servers": (
        "asset_management/settings.py",
        "import embedded",
        "services do not know each other",
    ),
    "the kit imports the embedded servers": ("utils/clock.py", "import embedded", "contracts on the kit"),
    "the command goes past the face of the embedded servers": (
        "vfactory/stack/parts/jobs.py",
        "import embedded.folders",
        "Callers take the embedded servers from their room's face",
    ),
    "two parts of the embedded servers import each other": (
        "embedded/ports.py",
        "import embedded.server",
        "No cycles between the parts of a package",
    ),
    "a room of the local stack reaches for one above it": (
        "vfactory/stack/logs/files.py",
        "import vfactory.stack.keeping",
        "The local stack's rooms stand on each other in one direction",
    ),
    "the client of the public API imports the kit": (
        "plant_client/answers.py",
        "import utils.ids",
        "stands on nothing of ours",
    ),
    "a service imports the client of the public API": (
        "incident_event/worker.py",
        "import plant_client",
        "services do not know each other",
    ),
    "the command goes past the face of the client": (
        "vfactory/client/find_plant.py",
        "import plant_client.requests",
        "Callers take the client of the public API from its face",
    ),
    "a repository imports its service": (
        "factory_core/equipment/repository.py",
        "import factory_core.equipment.service",
        "An aggregate reads from the outside in",
    ),
    "a lifecycle imports a framework": (
        "incident_event/incidents/lifecycle.py",
        "import sqlalchemy",
        "a lifecycle knows no framework",
    ),
    "a service imports the web framework": (
        "incident_event/incidents/service.py",
        "import fastapi",
        "know no web framework",
    ),
    "an aggregate queries another's tables": (
        "factory_core/readings/service.py",
        "import factory_core.factories.repository",
        "Other aggregates reach factories through their service",
    ),
    "an aggregate uses a sibling's rows": (
        "factory_core/readings/directory.py",
        "import factory_core.equipment.models",
        "Other aggregates reach equipment through its service",
    ),
    "a room of the kit reaches for one above it": (
        "utils/database/locks.py",
        "import utils.http.cursors",
        "The kit's rooms stand on each other in one direction",
    ),
    "a room of the kit has no place": (
        "utils/drawer.py",
        "import utils.clock",
        "The kit's rooms stand on each other in one direction",
    ),
    "the kit's database speaks HTTP": (
        "utils/database/transaction.py",
        "import fastapi",
        "The kit speaks HTTP in",
    ),
    "a service reaches the web framework by a detour": (
        "incident_event/incidents/service.py",
        "import utils.http.pages",
        "know no web framework",
    ),
    "a caller reaches into a room of the kit": (
        "factory_core/app.py",
        "import utils.http.problems",
        "Code outside the kit imports from a room's face",
    ),
    "a sibling uses what readings keep to themselves": (
        "factory_core/event_log/endpoints.py",
        "import factory_core.readings.recorder",
        "Other aggregates reach readings through their service",
    ),
    "readings query the tables of their corrections": (
        "factory_core/readings/intake.py",
        "import factory_core.readings.corrections.repository",
        "Queries of corrections belong to corrections",
    ),
    "an aggregate queries the tables of rules": (
        "incident_event/incidents/service.py",
        "import incident_event.rules.repository",
        "Queries of rules belong to rules",
    ),
    "an aggregate queries the tables of incidents": (
        "incident_event/events/endpoints.py",
        "import incident_event.incidents.repository",
        "Queries of incidents belong to incidents",
    ),
    "an aggregate queries the tables of alert groups": (
        "incident_event/incidents/service.py",
        "import incident_event.alertmanager.repository",
        "Queries of alert groups belong to Alertmanager's webhook",
    ),
    "a service loads Pillow by a detour": (
        "asset_management/assets/service.py",
        "import asset_management.content.images",
        "Only a decoder's own process loads Pillow",
    ),
    "two parts of the kit import each other": (
        "utils/clock.py",
        "import utils.logging.capture",
        "No cycles between the parts of a package",
    ),
}


CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
AGGREGATE_FILES = ("endpoints.py", "service.py", "repository.py", "consumers.py")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "400", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the source into which a violation may be planted; whoever plants it takes it back."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_planted_violation_is_named(house: Path, violation: str) -> None:
    file, line, contract = VIOLATIONS[violation]
    path = house / "src" / file
    committed = path.read_text("utf-8") if path.exists() else None
    path.write_text(f"{committed or ''}\n{line}\n", "utf-8")
    try:
        result = lint(house)
    finally:
        path.unlink() if committed is None else path.write_text(committed, "utf-8")
    assert result.returncode != 0
    broken = result.stdout.partition("Broken contracts")[2]
    assert contract in " ".join(broken.split()), result.stdout + result.stderr


def aggregates() -> set[str]:
    """Return every folder of a service that has one of an aggregate's files."""
    sources = ROOT / "src"
    found = {
        path.parent.relative_to(sources)
        for name in AGGREGATE_FILES
        for path in sources.glob(f"*/*/**/{name}")
    }
    return {".".join(path.parts) for path in found if path.parts[0] != "utils"}


def test_every_package_is_looked_at() -> None:
    packages = {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")}
    assert packages == set(CONTRACTS["root_packages"])
    [cycles] = [one for one in CONTRACTS["contracts"] if one["type"] == "acyclic_siblings"]
    assert packages == set(cycles["ancestors"])


def test_every_aggregate_is_held_to_its_layers_and_guarded_from_its_siblings() -> None:
    contracts = CONTRACTS["contracts"]
    [layers] = [one for one in contracts if one["name"].startswith("An aggregate reads from the outside in")]
    assert aggregates() == set(layers["containers"])
    guarded = {name for one in contracts if one["type"] == "protected" for name in one["allowed_importers"]}
    with_rows = {
        name for name in aggregates() if (ROOT / "src" / name.replace(".", "/") / "models.py").exists()
    }
    alone = {"asset_management.assets"}  # has no sibling
    assert with_rows - alone <= guarded


def test_every_contract_has_a_violation_planted_against_it() -> None:
    planted = [contract for _, _, contract in VIOLATIONS.values()]
    names = [one["name"] for one in CONTRACTS["contracts"]]
    assert [name for name in names if not any(part in name for part in planted)] == []
