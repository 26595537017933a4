"""The registry of schedulers, and exchanging parts."""

import subprocess
import sys
from typing import Any

import pytest

from xapps.slicing.inter.base import InterPolicyError
from xapps.slicing.inter.policies import make_inter_policy
from xapps.slicing.intra.names import INTRA_POLICIES, split_intra_name
from xapps.slicing.observation import BudgetContext
from xapps.slicing.schedulers import SCHEDULERS, Scheduler, SchedulerError, resolve
from xapps.slicing.triggers import TriggerError, make_trigger


def parts(scheduler: Scheduler) -> tuple[str, str, str]:
    return scheduler.inter, scheduler.intra, scheduler.trigger


@pytest.mark.parametrize(
    ("name", "triple"),
    [
        ("hiso-coma", ("coma2c", "madqn", "10-percent")),
        ("hiso-coma-tuned", ("coma2c-tuned", "madqn-tuned", "z-ref")),
        ("sota", ("coma2c", "madqn", "always")),
        ("sota-tuned", ("coma2c-tuned", "madqn-tuned", "always")),
        ("gga", ("greedy", "greedy", "always")),
        ("eea", ("equal", "equal", "never")),
        ("rra", ("random", "random", "always")),
        ("slnr", ("constant:2,6,2", "slnr", "never")),
        ("load-proportional", ("load-proportional", "slnr", "always")),
        ("ssr-pi", ("ssr-pi", "slnr", "always")),
        ("sa2c-t", ("sa2c-t", "greedy", "always")),
        ("sdma-zf", ("constant:2,6,2", "greedy", "never")),
        ("rsma-zf", ("constant:2,6,2", "zf-split", "never")),
        ("sdma-rzf", ("constant:2,6,2", "greedy", "never")),
        ("rsma-zf-mrt", ("constant:2,6,2", "zf-split-mrt", "never")),
    ],
)
def test_schedulers_are_the_issues(name: str, triple: tuple[str, str, str]) -> None:
    assert parts(resolve(name)) == triple
    assert resolve(name).name == name


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=str)
def test_every_part_exists(context: BudgetContext, scheduler: Scheduler) -> None:
    assert make_inter_policy(scheduler.inter, context, seed=1).name == scheduler.inter
    assert make_trigger(scheduler.trigger).name == scheduler.trigger
    assert scheduler.intra in INTRA_POLICIES


def test_parts_can_be_exchanged_and_the_name_says_so() -> None:
    mixed = resolve("hiso-coma-tuned", inter="load-proportional", trigger="always")
    assert parts(mixed) == ("load-proportional", "madqn-tuned", "always")
    assert mixed.name == "load-proportional+madqn-tuned+always"
    assert resolve("gga", inter="greedy") == resolve("gga")


@pytest.mark.parametrize("intra", ["random:best", "random:random", "equal:best", "equal:random"])
def test_random_and_equal_take_a_choice_of_beams(intra: str) -> None:
    assert parts(resolve("gga", intra=intra)) == ("greedy", intra, "always")
    assert split_intra_name(intra) == tuple(intra.split(":"))


@pytest.mark.parametrize(
    "intra", ["", "random:", ":best", "random:worst", "random:best:best", "slnr:best", "madqn:best"]
)
def test_other_names_of_intra_policies_are_refused(intra: str) -> None:
    with pytest.raises(SchedulerError, match=r"intra: .* is none of madqn, .*equal\[:best\|:random\]"):
        resolve("gga", intra=intra)


def test_names_are_known_without_compiled_code() -> None:
    resolving = "from xapps.slicing.schedulers import resolve; resolve('rra', intra='random:best')"
    code = f"import sys; {resolving}; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_what_slnr_needs_is_pinned_with_its_intra_policy_only() -> None:
    assert resolve("slnr").access == "rsma"
    assert resolve("slnr", inter="equal").access == "rsma"
    assert resolve("slnr", intra="greedy").access is None


@pytest.mark.parametrize(("name", "access"), [("sa2c-t", "ofdma"), ("sdma-zf", "sdma"), ("rsma-zf", "rsma")])
def test_zero_forcing_schedulers_pin_access_and_precoder(name: str, access: str) -> None:
    assert (resolve(name).access, resolve(name).precoder) == (access, "zf")
    other = resolve(name, intra="slnr")
    assert (other.access, other.precoder) == (None, None)


@pytest.mark.parametrize(
    ("part", "reference"),
    [("inter", "clairvoyant"), ("inter", "clairvoyant-late"), ("inter", "clairvoyant-utility"), ("intra", "oracle")],
)
def test_references_are_schedulers_of_runs_in_process_only(part: str, reference: str) -> None:
    exchanged: dict[str, Any] = {part: reference}
    assert resolve("slnr", **exchanged).in_process_only
    assert not any(scheduler.in_process_only for scheduler in SCHEDULERS.values())


def test_errors_list_the_names() -> None:
    with pytest.raises(SchedulerError, match="'best' is none of hiso-coma, hiso-coma-tuned, sota"):
        resolve("best")
    with pytest.raises(SchedulerError, match="intra: 'zf' is none of madqn"):
        resolve("gga", intra="zf")
    with pytest.raises(InterPolicyError, match="inter: 'zf' is none of coma2c"):
        resolve("gga", inter="zf")
    with pytest.raises(TriggerError, match="trigger: 'zf' is none of always"):
        resolve("gga", trigger="zf")
