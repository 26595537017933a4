"""What the README shows is what the repository holds."""

from __future__ import annotations

import re
from pathlib import Path

from xapps.slicing.schedulers import SCHEDULERS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_readmes_xapp_is_the_one_that_is_run() -> None:
    assert (ROOT / "docs/example_xapp.py").read_text().rstrip() in README


def test_what_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert len(links) > 3
    assert all((ROOT / link).exists() for link in links)


def test_the_readme_names_every_scheduler() -> None:
    assert all(f"`{name}`" in README for name in SCHEDULERS)
