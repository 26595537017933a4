"""`import hiso`: what it exports, and that it imports nothing before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hiso
from hiso.runner import run
from hiso.world import World
from ran_emulator.scenario import load_scenario
from xapps.slicing.schedulers import resolve


def test_the_names_are_those_of_their_modules() -> None:
    exported = {"World": World, "load_scenario": load_scenario, "resolve": resolve, "run": run}
    assert {name: getattr(hiso, name) for name in hiso.__all__} == {**exported, "__version__": hiso.__version__}
    assert set(hiso.__all__) <= set(dir(hiso))


def test_a_run_takes_three_names() -> None:
    result = hiso.run(hiso.load_scenario("base", ["users=12"]), hiso.resolve("gga"), seed=1, slots=20)
    assert result.summary["slots"] == 20


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'hiso' has no attribute 'slice_bread'"):
        hiso.slice_bread  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="slice_bread"):
        exec("from hiso import slice_bread")


def test_importing_it_compiles_nothing() -> None:
    code = "import sys, hiso; hiso.__all__; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
