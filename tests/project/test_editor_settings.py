"""What `.editorconfig` tells an editor is what the tools of `make check` ask for."""

import tomllib
from configparser import ConfigParser

import pytest
import yaml
from monitoring.checks.style import CONFIGURATION

from support import ROOT


@pytest.fixture
def settings() -> ConfigParser:
    """Read `.editorconfig`; what stands before its first section is a section of its own."""
    parser = ConfigParser()
    parser.read_string("[before]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    assert parser.getboolean("before", "root")
    return parser


def test_lines_of_python_are_as_long_as_ruff_allows(settings: ConfigParser) -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]
    assert settings.getint("*.py", "max_line_length") == ruff["line-length"]


def test_yaml_is_indented_as_yamllint_wants_it(settings: ConfigParser) -> None:
    wanted = yaml.safe_load(CONFIGURATION)["rules"]["indentation"]["spaces"]
    assert settings.getint("*.{yaml,yml,json,alloy}", "indent_size") == wanted


def test_recipes_of_make_are_indented_by_tabs(settings: ConfigParser) -> None:
    assert settings["*"]["indent_style"] == "space"
    assert settings["Makefile"]["indent_style"] == "tab"
