"""Worlds that vary while agents are trained."""

from __future__ import annotations

import numpy as np
import pytest

from hiso.training.variety import LARGEST_KAPPA, LEAST_KAPPA, any_impairments, with_dwell
from ran_emulator.scenario import load_scenario


def test_impairments_are_of_every_kind() -> None:
    rng = np.random.default_rng(1)
    drawn = [any_impairments(rng) for _ in range(2_000)]
    kappas = np.array([(hwi.kappa_t, hwi.kappa_r) for hwi in drawn])
    assert np.all((kappas == 0) | ((kappas >= LEAST_KAPPA) & (kappas <= LARGEST_KAPPA)))
    assert np.mean(kappas == 0) == pytest.approx(0.1, abs=0.03)
    assert np.mean(kappas[:, 0] == kappas[:, 1]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([hwi.model == "aggregate" for hwi in drawn]) == pytest.approx(0.5, abs=0.05)
    decades = np.histogram(np.log10(kappas[kappas > 0]), bins=5, range=(-6, -1))[0]
    assert decades.min() > 0.8 * decades.max()


def test_mixes_of_loads_last_as_told_where_there_are_any() -> None:
    changed = with_dwell(load_scenario("regimes"), 1.0, 3.0).regimes
    assert changed is not None
    assert (changed.dwell_min_s, changed.dwell_max_s) == (1.0, 3.0)
    base = load_scenario("base")
    assert with_dwell(base, 1.0, 3.0) is base
