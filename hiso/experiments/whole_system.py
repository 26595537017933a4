"""Episodes of the whole system in lock-step, as processes over E2, with the shipped weights."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hiso import ports
from hiso.experiments.episodes import episode_measures
from hiso.experiments.outcome import Outcome, options_of
from hiso.experiments.run import Run
from ran_emulator.scenario import SLOTS_PER_SECOND, parse_scenario


def perform_system(run: Run) -> Outcome:
    """An episode.

    Raises:
        RuntimeError: the system ended badly or not at all, or no ports are free.
    """
    with tempfile.TemporaryDirectory() as folder:
        scenario, summary = Path(folder, "scenario.yaml"), Path(folder, "summary.json")
        scenario.write_text(json.dumps(run.scenario))
        command = [sys.executable, "-P", "-m", "hiso", "up", "--no-ui", "--clock", "lockstep"]
        command += ["--scenario", str(scenario)]
        command += ["--inter", run.inter, "--intra", run.intra, "--trigger", run.trigger, "--seed", str(run.seed)]
        command += ["--slots", str(run.slots), "--control-delay-slots", str(run.control_delay_slots)]
        for assignment in options_of(run).assignments():
            command += ["--set-agents", assignment]
        command += ["--port-base", str(_free_port_base())]
        command += ["--json", str(summary)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_limit_s(run))
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"hiso up has not ended after {error.timeout:.0f} s") from error
        if done.returncode != 0:
            raise RuntimeError(f"hiso up ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
        found = json.loads(summary.read_text())
    measures = episode_measures(parse_scenario(run.scenario), found, found["inter_slice_updates"])
    measures["e2_kbit_per_s"] = _total(found["e2_bytes"]) * 8e-3 / found["simulated_s"]
    measures["e2_messages_per_s"] = _total(found["e2_messages"]) / found["simulated_s"]
    measures["e2_budget_byte_per_s"] = _total(found["e2_bytes"]["budgets"]) / found["simulated_s"]
    measures["e2_budget_messages_per_s"] = _total(found["e2_messages"]["budgets"]) / found["simulated_s"]
    return Outcome(measures)


def _limit_s(run: Run) -> float:
    """Time after which an episode hangs: a hundredth of real time, after minutes in which kernels are compiled."""
    return 600 + 100 * run.slots / SLOTS_PER_SECOND


def _free_port_base() -> int:
    """The first base, from the usual one on, of whose ports none is taken."""
    bases = range(ports.DEFAULT_PORT_BASE, ports.MAX_PORT_BASE, 100)
    for base in bases:
        if not any(ports.taken(ports.port_of(service, base)) for service in ports.OFFSETS):
            return base
    raise RuntimeError(f"ports: none of the bases {bases.start}, {bases[1]} .. {bases[-1]} is free")


def _total(counts: Any) -> int:
    """Sum over functions, procedures and directions."""
    return sum(_total(part) for part in counts.values()) if isinstance(counts, dict) else int(counts)
