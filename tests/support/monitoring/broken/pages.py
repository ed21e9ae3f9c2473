"""Broken runbooks, YAML, and generated files."""

from support.monitoring.broken.places import BOARDS, EVENTS, OVERVIEW, PAGES, ROUTES, RULES
from support.monitoring.tree import Mutation, in_board, put, swap, write

PAGE = f"{PAGES}/VFactoryCpuHigh.md"
IN_PAGES = (
    Mutation(PAGE, write(""), "VFactoryCpuHigh", "this alert has no runbook"),
    Mutation(
        f"{PAGES}/VFactoryCpuLow.md", write("# VFactoryCpuLow"), "VFactoryCpuLow", "there is no such alert"
    ),
    Mutation(PAGE, swap("# VFactoryCpuHigh", "# CPU"), "VFactoryCpuHigh", "begins with its name"),
    Mutation(
        PAGE,
        lambda text: text[:19] + "CPU.\n" + text[text.index("## ") :],
        "VFactoryCpuHigh",
        "a summary in Korean",
    ),
    Mutation(PAGE, swap("## Mitigation", "## Cure"), "VFactoryCpuHigh", "has a section ## Mitigation"),
    Mutation(PAGE, lambda text: text.replace("```sh", "```"), "VFactoryCpuHigh", "has commands to look with"),
    Mutation(
        PAGE,
        lambda text: text + "[there](../nowhere.md)\n",
        "VFactoryCpuHigh",
        "links to ../nowhere.md, which exists",
    ),
)

IN_STYLE = (
    Mutation(
        EVENTS,
        swap("        for: 15s\n", "        for: 15s\n        for: 20s\n"),
        "line 14",
        "duplication of key",
    ),
    Mutation(ROUTES, swap("global:\n", "global: \n"), "line 14", "trailing spaces"),
)

SLO = "monitoring/slo.yml"
IN_GENERATED = (
    Mutation(f"{RULES}/slo.yml", swap("14.4", "14.5"), "generated", "is out of date: run `make monitoring`"),
    Mutation(
        f"{RULES}/slo.yml", swap("objective: 99.9", "objective: 99.8"), "generated", "is out of date", by=SLO
    ),
    Mutation(OVERVIEW, in_board(put("Overview", "title")), "generated", "is out of date"),
    Mutation(OVERVIEW, write(""), "generated", "is out of date"),
    Mutation(f"{BOARDS}/vfactory-old.json", write("{}"), "generated", "is made by no board"),
)
