"""The wheel builds from what the image's recipe copies, and says under which licence it may be used."""

import re
import shutil
import subprocess
import sys
from email import message_from_bytes
from zipfile import ZipFile

import pytest

from support import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel from the files that the Dockerfile copies, and nothing else."""
    folder = tmp_path_factory.mktemp("source")
    recipe = (ROOT / "deploy/docker/Dockerfile").read_text("utf-8")
    copied = [line.split()[:-1] for line in re.findall(r"^COPY (?!--from)(.+)$", recipe, re.MULTILINE)]
    for path in (ROOT / name for names in copied for name in names):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = (folder / "dist").iterdir()
    return ZipFile(built)


def only(wheel: ZipFile, end: str) -> bytes:
    [name] = [name for name in wheel.namelist() if name.endswith(end)]
    return wheel.read(name)


def test_the_metadata_names_the_licence(wheel: ZipFile) -> None:
    metadata = message_from_bytes(only(wheel, ".dist-info/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]


def test_the_licence_goes_with_the_wheel(wheel: ZipFile) -> None:
    text = only(wheel, ".dist-info/licenses/LICENSE")
    assert text == (ROOT / "LICENSE").read_bytes()
    assert b"Apache License\n                           Version 2.0, January 2004\n" in text


def test_every_package_of_the_source_is_in_the_wheel(wheel: ZipFile) -> None:
    packages = {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")}
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == packages


def test_nothing_that_the_recipe_copies_is_kept_from_the_build() -> None:
    recipe = (ROOT / "deploy/docker/Dockerfile").read_text("utf-8")
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [line.split()[:-1] for line in re.findall(r"^COPY (?!--from)(.+)$", recipe, re.MULTILINE)]
    assert {f"!{name}" for names in copied for name in names} <= set(allowed)
