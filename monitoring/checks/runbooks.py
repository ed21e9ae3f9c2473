"""Every alert has a runbook that can be used, and every runbook an alert."""

import re
from pathlib import Path
from typing import Final

from monitoring.checks.finding import Finding
from monitoring.checks.rule_files import alerts

FOLDER: Final = Path("docs/runbooks")
SECTIONS: Final = ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation")
HANGUL: Final = re.compile(r"[가-힣]")
LINK: Final = re.compile(r"\]\(([^)#:]+)\)")


def check(root: Path) -> list[Finding]:
    """Presence, form and links of the pages."""
    names = {alert.name for alert in alerts(root)}
    pages = {path.stem: path for path in (root / FOLDER).glob("*.md") if path.stem != "README"}
    missing = [
        Finding(f"{FOLDER}/{name}.md", name, "this alert has no runbook") for name in names - set(pages)
    ]
    left = [Finding(f"{FOLDER}/{name}.md", name, "there is no such alert") for name in set(pages) - names]
    return missing + left + [finding for name in names & set(pages) for finding in _page(name, pages[name])]


def _page(name: str, path: Path) -> list[Finding]:
    text = path.read_text("utf-8")
    findings = []
    if not text.startswith(f"# {name}\n\n> ") or not HANGUL.search(text.split("## ")[0]):
        findings.append("begins with its name and a summary in Korean")
    findings += [f"has a section {section}" for section in SECTIONS if section not in text]
    if "```sh" not in text:
        findings.append("has commands to look with")
    findings += [
        f"links to {target}, which exists"
        for target in LINK.findall(text)
        if not (path.parent / target).exists()
    ]
    return [Finding(f"{FOLDER}/{path.name}", name, f"must be so that it {what}") for what in findings]
