"""What agents see and choose from: fields with ranges, actions that decode, weights that were trained for them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xapps.slicing.inter.actions import bandwidth_grid
from xapps.slicing.inter.coma2c import SINGLE, TUNED, action_counts, output_counts
from xapps.slicing.intra.policies import IntraPolicy, make_intra_policy, network_layers, trained_weights
from xapps.slicing.intra.powers import dbm_level_w, float32_at_most, linear_level_w
from xapps.slicing.networks import IntraWeights
from xapps.slicing.observation import BudgetContext
from xapps.slicing.options import AgentOptions, OptionsError, parse_options
from xapps.slicing.weights import Weights, WeightsError, WeightsMetadata
from xapps.trained import inter_weights

from .synthetic import POWER_W, draw_snapshot, embb_context, observe

CONTEXT = embb_context(antennas=16)
OWN_COMMON = AgentOptions(action="pc_pp_beam")
options_of_agents = st.builds(
    AgentOptions,
    power_levels=st.integers(2, 16),
    power_scale=st.sampled_from(["variant", "dbm", "linear"]),
    action=st.sampled_from(["rest", "rest_own_level", "pc_pp_beam"]),
    state=st.sampled_from(["variant", "user", "group"]),
)


def test_assignments_say_what_differs_from_the_defaults_and_come_back() -> None:
    assert parse_options([]) == AgentOptions()
    assert AgentOptions().assignments() == ()
    said = ("bandwidth_step_hz=500000", "power_levels=9", "action=pc_pp_beam", "observation=compact")
    assert parse_options(said).assignments() == said
    assert parse_options(["power_levels=9", "power_levels=3"]).power_levels == 3


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "power_levels",
            "must be FIELD=VALUE, FIELD one of bandwidth_step_hz, power_levels, power_scale, action, "
            "state, observation",
        ),
        ("levels=5", "FIELD one of bandwidth_step_hz"),
        ("power_levels=1", r"power_levels: must be 2..16 \(given 1\)"),
        ("power_levels=17", "power_levels: must be 2..16"),
        ("power_levels=many", "power_levels: .*integer"),
        ("bandwidth_step_hz=250000", "bandwidth_step_hz: .*1000000 or 500000"),
        ("action=beam", "action: .*'rest', 'rest_own_level' or 'pc_pp_beam'"),
        ("state=all", "state: .*'variant', 'user' or 'group'"),
        ("observation=", "observation: .*'codebook' or 'compact'"),
    ],
)
def test_what_agents_do_not_have_is_named_with_what_is_allowed(assignment: str, message: str) -> None:
    with pytest.raises(OptionsError, match=f"set-agents: .*{message}"):
        parse_options([assignment])


def test_outputs_are_the_papers_action_sets() -> None:
    assert network_layers("madqn", 128)[3] == 5 * 128
    assert network_layers("madqn", 128, OWN_COMMON)[3] == 5 * 5 * 128
    assert network_layers("madqn-tuned", 128, OWN_COMMON)[3] == 5 * 5 * 8
    assert network_layers("madqn-tuned", 128, AgentOptions(power_levels=7))[3] == 7 * 8


def with_drawn_weights(name: str, options: AgentOptions, rng: np.random.Generator, epsilon: float) -> IntraPolicy:
    policy = make_intra_policy(name, CONTEXT, 7, options=options)
    flat = rng.normal(0, 3, policy.parameters.weights.shape).astype(np.float32)
    policy.load(IntraWeights(1, epsilon, flat, "drawn"))
    return policy


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["madqn", "madqn-tuned"]),
    options=options_of_agents,
    users=st.integers(1, 8),
    power_w=st.floats(2**-20, 2**17, width=32),
    epsilon=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_any_action_keeps_c7_to_c10_and_means_what_eq_25_says(
    name: str, options: AgentOptions, users: int, power_w: float, epsilon: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    policy = with_drawn_weights(name, options, rng, epsilon)
    observation = observe(draw_snapshot(rng, users, antennas=16), slot=seed, power_w=power_w)
    decision = policy.decide(observation)
    assert decision.actions is not None
    private_w = decision.private_power_w.astype(np.float64)
    own_scale = "dbm" if name == "madqn-tuned" else "linear"
    scale = own_scale if options.power_scale == "variant" else options.power_scale
    level_w = dbm_level_w if scale == "dbm" else linear_level_w
    levels, beams = options.power_levels, 8 if name == "madqn-tuned" else 16
    p_p, rest = decision.actions % levels, decision.actions // levels
    assert private_w.tolist() == [level_w(level / (levels - 1), power_w, users) for level in p_p.tolist()]
    assert private_w.sum() <= power_w
    if name == "madqn-tuned" and options.action == "rest":
        assert len(set(p_p.tolist())) == 1
    if options.action != "pc_pp_beam":
        assert decision.common_power_w is None
        return
    assert decision.common_power_w is not None
    p_c = [level_w(level / (levels - 1), power_w, 1) for level in (rest // beams).tolist()]
    assert decision.common_power_w == pytest.approx(min(np.mean(p_c), power_w - private_w.sum()), rel=1e-6, abs=1e-30)
    assert private_w.sum() + decision.common_power_w <= power_w
    if name == "madqn":
        assert decision.beams.tolist() == (rest % beams).tolist()


@pytest.mark.parametrize(("scale", "level_w"), [("variant", linear_level_w), ("dbm", dbm_level_w)])
def test_random_powers_are_of_the_levels(
    scale: Literal["variant", "dbm"], level_w: Callable[[float, float, int], float]
) -> None:
    policy = make_intra_policy("random", CONTEXT, 3, options=AgentOptions(power_scale=scale))
    snapshot = draw_snapshot(np.random.default_rng(1), 3, 16)
    drawn = {w for slot in range(40) for w in policy.decide(observe(snapshot, slot)).private_power_w.tolist()}
    assert drawn == {level_w(level / 4, float(np.float32(POWER_W)), 3) for level in range(5)}


def test_users_with_levels_of_their_own_each_take_the_best_one() -> None:
    observation = observe(draw_snapshot(np.random.default_rng(1), 8, 16))
    options = AgentOptions(action="rest_own_level")
    decisions = [
        with_drawn_weights("madqn-tuned", options, np.random.default_rng(seed), 0.0).decide(observation)
        for seed in range(20)
    ]
    assert max(len(set(decision.private_power_w.tolist())) for decision in decisions) > 1


def test_a_level_of_all_power_for_the_common_stream_is_the_rest() -> None:
    observation = observe(draw_snapshot(np.random.default_rng(1), 2, 16))
    policy = make_intra_policy("madqn-tuned", CONTEXT, 1, options=OWN_COMMON)
    flat = np.zeros_like(policy.parameters.weights)
    flat[-200 + 4 * 8 * 5 + 1] = 1.0  # p_c level 4, first candidate, p_p level 1
    policy.load(IntraWeights(1, 0.0, flat, "all"))
    decision = policy.decide(observation)
    left_w = observation.power_w - float(decision.private_power_w.astype(np.float64).sum())
    assert decision.common_power_w == float32_at_most(left_w)
    assert decision.private_power_w == pytest.approx(dbm_level_w(0.25, POWER_W, 2))


@pytest.mark.parametrize("name", ["madqn", "madqn-tuned"])
def test_agents_that_see_the_group_decide_by_others_and_impairments_and_those_that_do_not_by_neither(
    name: str,
) -> None:
    changed = set()
    for state in ("user", "group"):
        options = parse_options([f"state={state}", "action=rest_own_level"])
        rng = np.random.default_rng(8)
        for _ in range(20):
            policy = with_drawn_weights(name, options, rng, 0.0)
            snapshot = draw_snapshot(rng, 3, antennas=16)
            alone = dataclasses.replace(snapshot, beam_gains=snapshot.beam_gains.copy())
            alone.beam_gains[1:] = rng.permutation(alone.beam_gains[1:].ravel()).reshape(2, -1)
            seen = [observe(snapshot), observe(snapshot, kappa=0.04), observe(alone)]
            first, impaired, other = (policy.decide(each).actions for each in seen)
            assert first is not None
            assert impaired is not None
            assert other is not None
            if first[0] != other[0]:
                changed.add((state, "others"))
            if first.tolist() != impaired.tolist():
                changed.add((state, "impairments"))
    assert changed == {("group", "others"), ("group", "impairments")}


ABOUT = WeightsMetadata("madqn-tuned", "base", "paper", 1e-3, 1e-3, 0, 1, 1, 0.0, "test", power_levels=7)


def test_weights_refuse_actions_that_they_were_not_trained_for() -> None:
    policy = make_intra_policy("madqn-tuned", CONTEXT, 1, options=AgentOptions(power_levels=7))
    weights = Weights(ABOUT, {"embb.flat": policy.parameters.weights.copy()})
    trained_weights("madqn-tuned", CONTEXT, weights, AgentOptions(power_levels=7, observation="compact"))
    with pytest.raises(WeightsError, match="trained for power_levels 7, not 5"):
        trained_weights("madqn-tuned", CONTEXT, weights)
    with pytest.raises(WeightsError, match="trained for action rest, not pc_pp_beam"):
        trained_weights("madqn-tuned", CONTEXT, weights, AgentOptions(power_levels=7, action="pc_pp_beam"))
    with pytest.raises(WeightsError, match="trained for power_scale variant, not linear"):
        trained_weights("madqn-tuned", CONTEXT, weights, AgentOptions(power_levels=7, power_scale="linear"))
    with pytest.raises(WeightsError, match="trained for state variant, not user"):
        trained_weights("madqn-tuned", CONTEXT, weights, AgentOptions(power_levels=7, state="user"))
    fine = Weights(dataclasses.replace(ABOUT, bandwidth_step_hz=500_000), {"inter.x": np.zeros(1, np.float32)})
    inter_weights(fine, AgentOptions(bandwidth_step_hz=500_000))
    with pytest.raises(WeightsError, match="trained for bandwidth_step_hz 500000, not 1000000"):
        inter_weights(fine)


def test_metadata_of_before_say_the_defaults() -> None:
    data = dataclasses.asdict(ABOUT)
    for name in ("bandwidth_step_hz", "power_levels", "power_scale", "action", "state"):
        del data[name]
    about = WeightsMetadata.from_json(json.dumps(data))
    assert (about.bandwidth_step_hz, about.power_levels, about.action) == (1_000_000, 5, "rest")
    with pytest.raises(WeightsError, match="power_levels: expected int"):
        WeightsMetadata.from_json(json.dumps({**data, "power_levels": "5"}))


def test_the_finer_grid_has_45_splits_for_every_policy_that_takes_one() -> None:
    context = BudgetContext(10_000_000, 1_000.0, 2_000_000, 10**-1.5, 0)
    assert len(bandwidth_grid(context, 500_000)) == 45
    assert output_counts(TUNED, action_counts(context, 500_000)) == (10, 45)
    assert output_counts(SINGLE, action_counts(context, 500_000)) == (450,)
