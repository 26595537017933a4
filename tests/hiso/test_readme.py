"""What the README shows is what the repository holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xapps.slicing.schedulers import SCHEDULERS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_readmes_xapp_is_the_one_that_is_run() -> None:
    assert (ROOT / "docs/example_xapp.py").read_text().rstrip() in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for path, heading in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if heading:
            assert heading in headings(target), f"{path}#{heading}"


def headings(page: Path) -> set[str]:
    """How the headings of a page are linked to."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_names_every_scheduler() -> None:
    assert all(f"`{name}`" in README for name in SCHEDULERS)


def rows(text: str) -> list[dict[str, str]]:
    """Rows of the first Markdown table of a text, by its heads."""
    lines = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert lines is not None
    heads, _, *cells = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[0].splitlines())
    return [dict(zip(heads, row, strict=True)) for row in cells]


@pytest.mark.parametrize(
    ("claim", "figure", "condition", "measure"),
    [
        ("spectral efficiency, bit/s/Hz, without impairments", "fig11", "ideal", "spectral efficiency eta [bit/s/Hz]"),
        ("with (kappa .001)", "fig11", "HWI", "spectral efficiency eta [bit/s/Hz]"),
        ("utility, without", "fig10", "ideal", "utility (Eq. 17)"),
        ("with", "fig10", "HWI", "utility (Eq. 17)"),
        ("SSR of eMBB, `high-load`", "fig12", "high-load", "SSR of eMBB (Eq. 4)"),
        ("SSR of uRLLC, `regimes`", "fig12", "regimes", "SSR of uRLLC (Eq. 4)"),
        ("utility, `regimes`", "fig12", "regimes", "utility (Eq. 17)"),
    ],
)
def test_the_readmes_figures_are_those_of_the_results(claim: str, figure: str, condition: str, measure: str) -> None:
    (shown,) = (row for row in rows(README.split("## What the paper says")[1]) if row["claim"] == claim)
    page = (ROOT / f"docs/results/{figure}.md").read_text()
    found = {row["arm"]: row[measure] for row in rows(page) if row["condition"] == condition}
    assert shown["tuned agents"] == found["tuned"]
    for head, arm in (("`gga`, greedy", "gga"), ("`slnr`, a rule", "slnr"), ("as printed", "printed")):
        assert shown[head] == found[arm].split(" ")[0]


def test_what_the_readme_says_of_the_control_delay_is_in_its_table() -> None:
    section = README.split("## What the paper says")[1]
    by_delay = {
        row["D"]: row
        for row in rows(section.split("The paper says nothing about a control delay.")[1])
        if row["scheduler"] == "hiso-coma-tuned"
    }
    cost = float(by_delay["0"]["utility"].split()[0]) - float(by_delay["2"]["utility"].split()[0])
    assert f"D = 2 costs the tuned agents {cost:.1f} of utility" in section
    assert f"uRLLC's SSR is {by_delay['2']['SSR urllc'].lstrip('0')} in the mean" in README
