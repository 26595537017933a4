"""The slicing xApps as processes: what they warn of, when they learn, how they end and come back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from slicing_system import AGENTS, make_weights, slicing_system, wait_for

from xapps.slicing.schedulers import resolve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MADQN = resolve("slnr", intra="madqn-tuned")


def test_weights_for_something_else_are_warned_of_and_used() -> None:
    with slicing_system(resolve("slnr", inter="coma2c-tuned", intra="madqn-tuned")) as system:
        for variant in ("madqn-tuned", "coma2c-tuned"):
            system.add_weights(make_weights(variant, delay=0, hwi_model="aggregate"))
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        system.start_emulator("base", "--clock", "lockstep", "--control-delay-slots", "2")

        def warned(agent: str, reason: str) -> float | None:
            return system.metric(f"xapp-{agent}", "hiso_xapp_weights_mismatch", reason=reason)

        for agent in ("embb", "inter"):

            def has_warned(agent: str = agent) -> bool:
                return warned(agent, "hwi_model") == 1

            wait_for(has_warned, f"the warning of {agent}")
            assert warned(agent, "control_delay") == 1
            log = system.log(f"xapp-{agent}")
            assert log.count('"weights_mismatch"') == 2
            assert '"trained": "aggregate", "met": "paper"' in log
        assert (system.metric("xapp-embb", "hiso_xapp_decisions_total") or 0) > 0


def test_what_fits_is_not_warned_of() -> None:
    with slicing_system(MADQN) as system:
        weights = make_weights("madqn-tuned", delay=2)
        system.add_weights(weights)
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        system.start_emulator("base", "--clock", "lockstep", "--control-delay-slots", "4", "--slots", "200")
        system.summary()
        for reason in ("hwi_model", "control_delay", "antennas", "access", "precoder"):
            assert system.metric("xapp-embb", "hiso_xapp_weights_mismatch", reason=reason) == 0
        found = system.metric("xapp-embb", "hiso_xapp_info", policy="madqn-tuned", weights_id=weights.weights_id)
        assert found == 1


@pytest.mark.torch
def test_an_agent_is_frozen_until_its_learner_comes_and_whenever_it_is_gone() -> None:
    with slicing_system(MADQN) as system:
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent, *(("--learner", system.learner(agent)) if agent == "embb" else ()))
        system.start_emulator("high-load", "--clock", "0.5x")

        def decisions() -> float:
            return system.metric("xapp-embb", "hiso_xapp_decisions_total") or 0

        def version() -> float:
            return system.metric("xapp-embb", "hiso_xapp_weights_version") or 0

        wait_for(lambda: decisions() > 50, "decisions of the frozen agent")
        assert version() == 0
        system.start_learner("embb")
        wait_for(lambda: version() > 20, "weights from the learner")
        assert system.metric("learner-embb", "hiso_learner_epsilon") is not None
        system.processes["learner-embb"].kill()
        system.processes["learner-embb"].wait()
        wait_for(lambda: "not_learning" in system.log("xapp-embb"), "the loss of the learner")
        learned, decided = version(), decisions()
        wait_for(lambda: decisions() > decided + 20, "decisions without the learner")
        system.start_learner("embb")
        wait_for(lambda: version() > learned + 20, "learning goes on from where it was")


def test_kpm_is_reported_to_the_inter_slice_xapp_also_after_its_restart() -> None:
    with slicing_system(resolve("gga")) as system:
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        system.start_emulator("base", "--clock", "0.5x")

        def reported(place: str) -> float | None:
            labels = {"measurement": "VS.RRU.BandwidthBudgetDl", "slice": place, "node": "00101-1"}
            return system.metric("xapp-inter", "hiso_xapp_kpm", **labels)

        wait_for(lambda: reported("cell") == 10_000_000, "a report")
        assert 0 < (reported("embb") or 0) < 10_000_000
        system.processes["xapp-inter"].kill()
        system.processes["xapp-inter"].wait()
        system.start_xapp("inter")
        wait_for(lambda: reported("cell") == 10_000_000, "a report after its restart")
        labels = {"function": "kpm", "direction": "to_ric"}
        assert (system.metric("emulator", "hiso_e2_messages_total", procedure="ric_indication", **labels) or 0) > 0


def test_a_new_world_is_served_by_the_same_xapps() -> None:
    with slicing_system(resolve("gga")) as system:
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        digests = []
        for delay in ("0", "2", "0"):
            system.start_emulator("base", "--clock", "lockstep", "--control-delay-slots", delay, "--slots", "2100")
            digests.append(system.summary()["trace_sha256"])
        assert digests[1] != digests[0]


def test_in_lockstep_no_stall_of_any_process_changes_anything() -> None:
    with slicing_system(resolve("gga")) as system:
        system.start_ric()
        for agent in AGENTS:
            system.start_xapp(agent)
        digests = []
        # A node that returns gets its last budgets from the RIC: only the first world begins without.
        for stalls in (False, False, True):
            system.start_emulator("base", "--clock", "lockstep", "--slots", "12000")
            if stalls:
                wait_for(lambda: (system.metric("emulator", "hiso_slots_total") or 0) > 0, "the first slots")
                for name in system.processes:
                    with system.stalled(name):
                        time.sleep(1.3)  # where time is real, silence of a second ends a relation
                    assert system.processes["emulator"].poll() is None, "it ended before all were stalled"
            digests.append(system.summary()["trace_sha256"])
        assert digests[2] == digests[1]


@pytest.mark.parametrize("agent", ["inter", "embb"])
def test_an_xapp_ends_when_asked_also_without_a_ric(agent: str) -> None:
    with slicing_system(resolve("gga")) as system:
        system.start_xapp(agent)
        wait_for(lambda: system.metric(f"xapp-{agent}", "hiso_xapp_connected") == 0, "its metrics")
        process = system.processes[f"xapp-{agent}"]
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("module", "arguments", "expected"),
    [
        ("intra_slice", ("--slice", "embb", "--policy", "best"), "greedy"),
        ("intra_slice", ("--slice", "gaming", "--policy", "greedy"), "--slice"),
        ("intra_slice", ("--slice", "embb", "--policy", "madqn", "--weights", "no-such-d0"), "no-such-d0"),
        ("intra_slice", ("--slice", "embb", "--policy", "madqn", "--weights", "x", "--from-scratch"), "not allowed"),
        ("intra_slice", ("--slice", "embb", "--policy", "greedy", "--metrics-port", "0"), "1..65535"),
        (
            "intra_slice",
            ("--slice", "embb", "--policy", "madqn", "--from-scratch", "--learner", "me"),
            "--learner: must",
        ),
        (
            "intra_slice",
            ("--slice", "embb", "--policy", "madqn", "--from-scratch", "--learner", "tcp://*:1"),
            "--learner: 'tcp://*:1' is no address",
        ),
        ("intra_slice", ("--slice", "embb", "--policy", "madqn", "--learn"), "--learn: needs --learner"),
        ("inter_slice", ("--policy", "coma2c", "--trigger", "always", "--learn"), "--learn: needs --learner"),
        ("inter_slice", ("--policy", "best", "--trigger", "always"), "coma2c"),
        ("inter_slice", ("--policy", "greedy", "--trigger", "sometimes"), "z-ref"),
        ("inter_slice", ("--policy", "coma2c", "--trigger", "always", "--weights", "/nowhere.npz"), "/nowhere.npz"),
        (
            "inter_slice",
            ("--policy", "coma2c-tuned", "--trigger", "always", "--weights", "madqn-tuned-regimes-d2"),
            "--weights madqn-tuned-regimes-d2",
        ),
    ],
)
def test_bad_flags_end_with_exit_code_2(module: str, arguments: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"xapps.{module}", "--bus", f"ipc://{tmp_path}/bus", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
