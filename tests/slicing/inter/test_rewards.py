"""Algorithm 1 branch by branch, and the reward of the tuned agents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xapps.slicing.inter.rewards import RewardError, algorithm_1, utility_under_sla

ssr_values = st.floats(0, 1)


@pytest.mark.parametrize(
    ("ssr", "eta_bps_hz", "reward"),
    [
        ((0.95, 0.95, 0.95), 99.9, 10.0),
        ((1, 1, 1), 100, 10.0),
        ((1, 1, 1), 140, 14.0),
        ((1, 1, 0.94), 40, 2.4),
        ((0.5, 0.5, 0.94), 140, 2.4),
        ((1, 1, 0.5), 40, -2.0),
        ((1, 0.94, 1), 40, -0.12),
        ((0.2, 0.94, 0.95), 40, -1.6),
    ],
)
def test_algorithm_1(ssr: tuple[float, ...], eta_bps_hz: float, reward: float) -> None:
    assert algorithm_1(ssr, eta_bps_hz) == pytest.approx(reward)


def test_algorithm_1_with_an_eta_threshold_in_reach() -> None:
    assert algorithm_1((1, 1, 1), 40, eta_threshold_bps_hz=10) == pytest.approx(13.0)


@given(ssr_values, ssr_values, ssr_values, st.floats(0, 200), st.floats(0, 10))
def test_the_tuned_reward_is_centred_utility_less_the_deficits(
    vonr: float, embb: float, urllc: float, eta_bps_hz: float, sla_weight: float
) -> None:
    utility = 0.6 * eta_bps_hz + vonr + 2 * embb + 3 * urllc
    deficit = sum(max(0, 0.95 - value) for value in (vonr, embb, urllc))
    found = utility_under_sla((vonr, embb, urllc), eta_bps_hz, sla_weight)
    assert found == pytest.approx((utility - 20) / 4 - sla_weight * deficit)


@pytest.mark.parametrize("ssr", [(1, 1), (1, 1, 1.01), (1, -0.1, 1), (1, np.nan, 1)])
def test_a_malformed_ssr_is_refused(ssr: tuple[float, ...]) -> None:
    for reward in (algorithm_1, lambda s, e: utility_under_sla(s, e, 4)):
        with pytest.raises(RewardError, match="ssr: must be 3 values from 0 to 1"):
            reward(ssr, 10)


@pytest.mark.parametrize("eta_bps_hz", [-1, np.inf, np.nan])
def test_a_malformed_eta_is_refused(eta_bps_hz: float) -> None:
    with pytest.raises(RewardError, match="eta_bps_hz: must be at least 0 and finite"):
        algorithm_1((1, 1, 1), eta_bps_hz)
