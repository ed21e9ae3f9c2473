"""Pages for people say the same in English and in Korean, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from support import ROOT
from utils.auth import Role

PAGES = ["SECURITY", "docs/installation", "docs/replay", "docs/security"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


def read(path: Path) -> str:
    return path.read_text("utf-8")


def headings(text: str) -> list[tuple[str, str]]:
    return HEADING.findall(BLOCK.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors that a hosting platform gives the headings of a page."""
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for _, title in headings(text)}


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_headings_and_the_same_commands(page: str) -> None:
    english, korean = read(ROOT / f"{page}.md"), read(ROOT / f"{page}.ko.md")
    assert len(headings(english)) > 3
    for (level, title), (other_level, other_title) in zip(headings(english), headings(korean), strict=True):
        assert other_level == level
        assert re.search("[가-힣]", other_title)
        assert other_title.endswith(f"({title})")
    assert BLOCK.findall(korean) == BLOCK.findall(english)


@pytest.mark.parametrize("language", ["", ".ko"])
def test_the_page_on_access_lists_every_role(language: str) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", read(ROOT / f"docs/security{language}.md"), re.MULTILINE)
    assert set(Role) <= set(listed)


@pytest.mark.parametrize("page", [f"{page}{language}" for page in PAGES for language in (".md", ".ko.md")])
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: str) -> None:
    path = ROOT / page
    links = LINK.findall(read(path))
    assert links
    for target, anchor in links:
        file = path.parent / target if target else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(read(file)), f"{target}#{anchor}"
