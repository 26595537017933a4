"""Worlds that vary while agents are trained, so that one training serves every impairment and every mix of loads."""

from __future__ import annotations

import numpy as np

from ran_emulator.scenario import Impairments, Scenario

LEAST_KAPPA, LARGEST_KAPPA = 1e-6, 0.1
NO_IMPAIRMENT_SHARE = 0.1


def any_impairments(rng: np.random.Generator) -> Impairments:
    """Either reading; kappa_t and kappa_r equal or not, each 0 or between the least and the largest, by decades."""

    def kappa() -> float:
        if rng.random() < NO_IMPAIRMENT_SHARE:
            return 0.0
        return float(10 ** rng.uniform(np.log10(LEAST_KAPPA), np.log10(LARGEST_KAPPA)))

    kappa_t = kappa()
    kappa_r = kappa_t if rng.random() < 0.5 else kappa()
    return Impairments(model="aggregate" if rng.random() < 0.5 else "paper", kappa_t=kappa_t, kappa_r=kappa_r)


def with_dwell(scenario: Scenario, least_s: float, most_s: float) -> Scenario:
    """A scenario whose regimes last so long; one without regimes as it is."""
    if scenario.regimes is None:
        return scenario
    regimes = scenario.regimes.model_copy(update={"dwell_min_s": least_s, "dwell_max_s": most_s})
    return scenario.model_copy(update={"regimes": regimes})
