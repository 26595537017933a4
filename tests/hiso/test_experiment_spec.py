"""What an experiment's file may say, and what the catalogue holds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from experiment_data import MINIMAL, experiment

from hiso.experiments.arms import InterAgents, IntraAgents
from hiso.experiments.loading import catalogue_names, load_experiment, parse_experiment
from hiso.experiments.rules import Comparison
from hiso.experiments.spec import HEADLINE_SEEDS, ExperimentError
from xapps.slicing.inter.coma2c import CoMA2CConfig
from xapps.slicing.intra.config import DqnConfig

COMPARISON = {"test": "greater", "measure": "utility", "a": "a", "b": ["b"]}


def claim(**rule: Any) -> list[dict[str, Any]]:
    return [{"text": "a wins", "section": "IV-E", "readings": {"as is": {**COMPARISON, **rule}}}]


BEST_OF_TWO = {"a": {"scheduler": "hiso-coma", "trained": True, "inter_candidates": 2}}

TREND = [
    {
        "text": "a falls",
        "section": "ours",
        "readings": {"as is": {"test": "falls", "measure": "utility", "a": "a", "conditions": ["calm"]}},
    }
]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arms": {"a": {"scheduler": "nobody"}}}, "arm 'a' in 'calm': scheduler: 'nobody' is none of hiso-coma"),
        ({"arms": {"a": {"scheduler": "gga", "intra": "zz"}}}, "intra: 'zz' is none of"),
        ({"arms": {"a": {"scheduler": "gga", "trigger": "zz"}}}, "trigger: 'zz' is none of"),
        ({"arms": {"a": {"scheduler": "gga", "set": {"userz": 3}}}}, "userz"),
        (
            {"arms": {"a": {"scheduler": "gga", "set": {"users": 1}}}},
            "users: must be 3..2000",
        ),
        ({"arms": {"a": {"scheduler": "slnr", "set": {"access": "ofdma"}}}}, "access: scheduler 'slnr' needs rsma"),
        ({"arms": {"a": {"scheduler": "gga", "trained": True}}}, "nothing in scheduler 'gga' has weights"),
        ({"arms": {"a": {"scheduler": "hiso-coma", "gate": "act"}}}, "gate: needs trained: true"),
        ({"arms": {"a": {"scheduler": "hiso-coma", "inter_training_s": 9}}}, "inter_training_s: needs trained: true"),
        ({"arms": {"a": {"scheduler": "hiso-coma", "inter_candidates": 3}}}, "inter_candidates: needs trained: true"),
        ({"arms": {"a": {"scheduler": "hiso-coma", "trained_for": 21}}}, "arms.a.trained_for: must be 0..20"),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "trained": True, "control": "untrained"}}},
            "control: untrained goes with neither trained nor trained_for",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "learns_on": True, "control": "misled"}}},
            "learns_on: goes with neither control",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "inter": "equal", "learns_on": True}}},
            "arm 'a': learns_on: one of its levels does not learn",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "inter": "equal", "control": "misled"}}},
            "arm 'a': control: its inter-slice policy does not learn",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "inter": "equal", "control": "equal-power"}}},
            "arm 'a': control: its inter-slice policy does not learn",
        ),
        (
            {"host": "system", "arms": {"a": {"scheduler": "hiso-coma", "control": "untrained"}}},
            "arm 'a': learns_on and control: only where host is in-process",
        ),
        (
            {"host": "snapshots", "measures": ["share_embb"], "arms": {"a": {"scheduler": "gga"}}},
            "arm 'a': intra: greedy does not learn, as host: snapshots needs",
        ),
        (
            {
                "host": "snapshots",
                "measures": ["share_embb"],
                "arms": {"a": {"scheduler": "hiso-coma", "trained": True, "options": {"power_levels": 9}}},
            },
            "arm 'a': options: must be left out where host is snapshots",
        ),
        (
            {
                "host": "snapshots",
                "measures": ["share_embb"],
                "arms": {"a": {"scheduler": "hiso-coma"}},
                "conditions": {"c": {"control_delay_slots": 2}},
            },
            "conditions: control_delay_slots must be 0 where host is snapshots",
        ),
        *(
            (
                {
                    "host": "snapshots",
                    "measures": ["share_embb"],
                    "arms": {"a": {"scheduler": "hiso-coma-tuned"}},
                    "conditions": {"c": {"set": {name: value}}},
                },
                f"arm 'a': {name}: must be {known} where host is snapshots, not {value}",
            )
            for name, value, known in (
                ("access", "sdma", "rsma"),
                ("precoder", "zf", "codebook"),
                ("common_beam", "best-codebook", "random"),
                ("csi_delay_slots", 4, 0),
                ("csi_noise", 0.1, "0.0"),
            )
        ),
        (
            {"host": "system", "arms": {"a": {"scheduler": "hiso-coma", "trained_for": 2}}},
            "arm 'a': trained_for: must be left out where host is system",
        ),
        ({"host": "snapshots", "measures": ["utility"]}, "measures: 'utility' is none of share_vonr"),
        ({"measures": ["share_embb"]}, "measures: 'share_embb' is none of utility"),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "trained": True, "gate": "shut"}}},
            "'none', 'act', 'learn' or 'both'",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "inter": "equal", "trained": True, "gate": "act"}}},
            "gate: its inter-slice policy does not learn",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "trained": True, "inter_agents": {"discount": 2}}}},
            "arms.a.inter_agents.discount: must be 0..1",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma-tuned", "trained": True, "inter_agents": {"core": "lstm"}}}},
            "arm 'a': inter_agents: core: must be tanh with coma2c-tuned's critic of slices (given lstm)",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "inter": "equal", "trained": True, "inter_agents": {}}}},
            "arm 'a': inter_agents: its inter-slice policy does not learn",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "intra": "slnr", "trained": True, "intra_agents": {}}}},
            "arm 'a': intra_agents: its intra-slice policy does not learn",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma-tuned", "trained": True, "intra_agents": {"discount": 0.95}}}},
            "arm 'a': intra_agents: all_actions: needs difference_reward, and discount 0",
        ),
        (
            {
                "arms": {
                    "a": {"scheduler": "hiso-coma-tuned", "trained": True, "intra_agents": {"difference_reward": False}}
                }
            },
            "arm 'a': intra_agents: all_actions: needs difference_reward, and discount 0",
        ),
        (
            {"host": "system", "arms": {"a": {"scheduler": "hiso-coma", "trained": True}}},
            "arm 'a': trained: must be false where host is system",
        ),
        (
            {"arms": {"a": {"scheduler": "hiso-coma", "options": {"power_levels": 99}}}},
            "arms.a.options.power_levels: must be 2..16",
        ),
        ({"host": "system", "arms": {"a": {"scheduler": "gga", "intra": "oracle"}}}, "a reference knows what no xApp"),
        ({"conditions": {"c": {"scenario": "moon"}}}, "scenario: 'moon' is neither a preset"),
        ({"conditions": {"c": {"control_delay_slots": 21}}}, "control_delay_slots: must be 0..20"),
        ({"full": {"seeds": 4, "episodes": 1, "duration_s": 1}}, "full.seeds: must be at least 5"),
        ({"headline": True}, f"full.seeds: must be at least {HEADLINE_SEEDS}"),
        ({"measures": ["speed"]}, "measures: 'speed' is none of utility"),
        ({"measures": ["eta_bps_hz"]}, "needs goodput_bps_hz beside it"),
        ({"measures": ["e2_kbit_per_s"]}, "measures: 'e2_kbit_per_s' is none of"),
        ({"reference": "c"}, "reference: 'c' is none of a, b"),
        ({"plot": {"kind": "curves", "show": ["ssr_vonr"]}}, "show: 'ssr_vonr' is none of utility, eta_bps_hz"),
        ({"conditions": {"c": {}}, "plot": {"kind": "lines", "show": ["utility"]}}, "each needs x"),
        ({"claims": claim(b=["c"])}, "claims: 'c' is none of a, b"),
        ({"claims": claim(conditions=["calmer"])}, "claims: 'calmer' is none of calm, busy"),
        ({"claims": claim(b=[])}, "b: "),
        ({"claims": claim(conditions=[])}, "conditions: "),
        ({"claims": TREND}, "claims: falls: its first and last conditions must differ (given ['calm'])"),
        ({"arms": BEST_OF_TWO, "measures": ["online_utility"]}, "inter_candidates must be 1 where online_utility is"),
        ({"arms": BEST_OF_TWO, "plot": {"kind": "curves", "show": ["inter_loss"]}}, "must be 1 where inter_loss is"),
        ({"judged": "ssr_vonr"}, "judged: 'ssr_vonr' is none of utility"),
        ({"claims": claim(measure="speed")}, "claims: 'speed' is none of"),
        ({"claims": claim(min_probability=0.2)}, "min_probability"),
        ({"claims": claim(test="best")}, "'greater', 'less'"),
        ({"colour": "red"}, "colour: no such field: one of "),
    ],
)
def test_what_cannot_be_is_named_with_what_can(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError) as error:
        experiment(**changed)
    assert message in str(error.value)


def test_a_file_of_ones_own_is_read_and_errors_name_it(tmp_path: Path) -> None:
    good, bad = tmp_path / "mine.yaml", tmp_path / "bad.yaml"
    good.write_text(str(MINIMAL))  # flow style is YAML too
    assert load_experiment(str(good)).name == "mine"
    bad.write_text("arms: [")
    with pytest.raises(ExperimentError, match="experiment bad: is not YAML"):
        load_experiment(str(bad))
    bad.write_text("title: one\ntitle: two\n")
    with pytest.raises(ExperimentError, match=r"experiment bad: title: given twice \(lines 1 and 2\)"):
        load_experiment(str(bad))
    with pytest.raises(ExperimentError, match=r"none\.yaml cannot be read"):
        load_experiment(str(tmp_path / "none.yaml"))
    with pytest.raises(ExperimentError, match="neither a YAML file nor one of fig05"):
        load_experiment("fig99")
    with pytest.raises(ExperimentError, match="must hold fields, not a list"):
        parse_experiment([], "list")


def test_the_catalogue_has_every_figure_of_the_paper_and_judges_every_section() -> None:
    experiments = [load_experiment(name) for name in catalogue_names()]
    assert {item.figure for item in experiments} >= {str(number) for number in range(5, 18)}
    sections = {claim.section for item in experiments for claim in item.claims}
    assert sections >= {f"IV-{letter}" for letter in "CDEFGH"}
    assert all(item.claims for item in experiments)


def test_the_gates_are_compared_on_twenty_paired_seeds() -> None:
    gating = load_experiment("gating")
    assert gating.full.seeds >= 20
    rules = [rule for claim in gating.claims for rules in claim.readings.values() for rule in rules]
    assert all(isinstance(rule, Comparison) and rule.b[0].endswith("never waits") for rule in rules)


def test_an_experiment_takes_from_another_what_it_leaves_out() -> None:
    fields = {name: MINIMAL[name] for name in ("title", "question", "measures", "plot")}
    other = load_experiment("fig06")
    same = parse_experiment({**fields, "like": "fig06"}, "mine")
    assert (same.arms, same.conditions, same.full) == (other.arms, other.conditions, other.full)
    assert (same.title, same.measures, same.claims) == ("Two rules", ["utility"], [])
    own = parse_experiment({**fields, "like": "fig06", "conditions": {"calm": {}}}, "mine")
    assert (own.arms, list(own.conditions)) == (other.arms, ["calm"])
    with pytest.raises(ExperimentError, match="mine: like: 'fig99' is none of fig05, "):
        parse_experiment({**fields, "like": "fig99"}, "mine")
    with pytest.raises(ExperimentError, match="mine: like: 'fig07' is like another itself"):
        parse_experiment({**fields, "like": "fig07"}, "mine")


def test_fields_of_agents_are_fields_of_their_configurations() -> None:
    for agents, config in ((InterAgents, CoMA2CConfig), (IntraAgents, DqnConfig)):
        assert agents.model_fields.keys() <= {item.name for item in fields(config)}
