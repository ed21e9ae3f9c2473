"""The operations guide: the same in both languages, with names that exist, and run where a laptop can."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import ROOT
from support.plant.stack import Stack

ENGLISH = (ROOT / "docs/operations.md").read_text("utf-8")
KOREAN = (ROOT / "docs/operations.ko.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
FOUNDING_GUIDE = (
    "kubectl logs -f deployment/factory-core -n v-factory",
    "kubectl logs -f -l app=factory-core -n v-factory",
    "kubectl top pods -n v-factory",
    "kubectl top nodes",
)


def commands(page: str) -> list[str]:
    """Every command of the page, one with continued lines as one."""
    text = "\n".join(block for language, block in BLOCK.findall(page) if language == "sh")
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def headings(page: str) -> list[tuple[str, str]]:
    return HEADING.findall(BLOCK.sub("", page))


def test_both_languages_have_the_same_headings_and_the_same_commands() -> None:
    english, korean = headings(ENGLISH), headings(KOREAN)
    assert len(english) > 20
    for (level, title), (other_level, other_title) in zip(english, korean, strict=True):
        assert other_level == level
        assert other_title.endswith(f"({title})"), other_title
        assert re.search("[가-힣]|Docker|Kubernetes", other_title)
    assert BLOCK.findall(KOREAN) == BLOCK.findall(ENGLISH)
    assert len(BLOCK.findall(ENGLISH)) > 20


def test_the_founding_guides_own_commands_are_there() -> None:
    assert set(FOUNDING_GUIDE) <= set(commands(ENGLISH))


@pytest.mark.parametrize("page", [ENGLISH, KOREAN])
def test_every_link_and_every_file_of_a_command_exists(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page)
    paths = re.findall(r"(?:deploy|docs|monitoring|tests)/[\w./-]+\w", " ".join(commands(page)))
    assert targets
    assert paths
    for target in targets:
        assert (ROOT / "docs" / target).exists(), target
    for path in paths:
        assert path.startswith("deploy/compose/secrets") or (ROOT / path).exists(), path
    anchors = {re.sub(r"[^\w가-힣 -]", "", title).lower().replace(" ", "-") for _, title in headings(page)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors


def test_the_runbooks_lead_to_sections_that_are_there() -> None:
    anchors = {title.lower().replace(" ", "-").replace(",", "") for _, title in headings(ENGLISH)}
    pages = [page.read_text("utf-8") for page in (ROOT / "docs/runbooks").glob("*.md")]
    linked = [anchor for page in pages for anchor in re.findall(r"\(\.\./operations\.md#?([^)]*)\)", page)]
    assert len(linked) >= 5
    assert {anchor for anchor in linked if anchor} <= anchors


def test_every_kubernetes_name_in_a_command_is_a_name_of_the_manifests() -> None:
    known = set()
    for file in (*(ROOT / "deploy/kubernetes").rglob("*.yaml"), *(ROOT / "deploy/backup").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            known.add(document.get("metadata", {}).get("name"))
            known |= set(re.findall(r"secretName: ([\w-]+)", file.read_text("utf-8")))
    text = "\n".join(line for line in commands(ENGLISH) if "kubectl" in line)
    named = set(re.findall(r"(?:deployment|cronjob|secret|job)/([\w-]+)", text))
    named |= set(re.findall(r"(?:secret generic|secret|hpa) ([a-z][\w-]+)", text)) - {"generic"}
    assert {"factory-core", "v-factory-backup", "v-factory-auth", "alertmanager"} <= named
    assert named - known == {"backup-now"}, "made by the command itself"


def test_what_is_said_of_compose_is_so() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    runs = [line for line in commands(ENGLISH) if line.startswith("docker run")]
    assert len(runs) == 2
    for line in runs:
        words = shlex.split(line)
        assert words[words.index("--network") + 1] in {
            f"{compose['name']}_{one}" for one in compose["networks"]
        }
        assert compose["services"]["postgres"]["image"].partition("@")[0] in words
        volumes = [words[place + 1] for place, word in enumerate(words) if word == "--volume"]
        named = {volume.split(":")[0] for volume in volumes if not volume.startswith("./")}
        assert named <= {f"{compose['name']}_{one}" for one in compose["volumes"]}
    [stop] = [line for line in commands(ENGLISH) if line.startswith("docker compose stop")]
    ours = {name for name, one in compose["services"].items() if str(one["image"]).startswith("v-factory:")}
    assert set(stop.split()[3:]) == {name for name in ours if not name.endswith("-migrate")}


def test_what_a_laptop_can_run_does_what_the_guide_says(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)  # PostgreSQL of root runs as somebody else and must pass through
    stack = Stack(tmp_path / "home")
    here = {".vfactory": str(stack.home), "backups": str(tmp_path / "backups")}
    environment = stack.environment | {"PATH": f"{Path(sys.executable).parent}:{stack.environment['PATH']}"}
    ran = []
    try:
        for _, block in BLOCK.findall(ENGLISH):
            if not re.match(r"vfactory |\.venv/bin/python |deploy/backup/", block) or "git pull" in block:
                continue
            text = re.sub(r"(?<![\w/])(\.vfactory|backups)\b", lambda found: here[found[0]], block)
            done = subprocess.run(
                ["bash", "-ec", text], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            ran.append(done.stdout + done.stderr)
        stack.wait_until_healthy()
    finally:
        stack.run("down")
    said = "\n".join(ran)
    assert len(ran) == 6
    assert "The backup is whole" in said
    assert "every table has the rows and values it had" in said
    assert "is healthy" in said
