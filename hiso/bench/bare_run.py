"""Runs the bare loop with the placement and the frame sizes of a run of the real one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hiso.bench.bare_loop import ECHOES, RESULT_FILE, BareConfig
from hiso.bench.system_run import Interrupted, SystemRun
from hiso.launcher import discard_run_dir, make_run_dir
from hiso.placement import Placement
from hiso.processes import Child, ProcessFailed, ProcessSpec, describe_exit, end_all
from service_kit.signals import Stop

_POLL_S = 0.1
_MODULE = "hiso.bench.bare_loop"
_AS = {"node": "emulator", "relay": "ric", "echo-0": "xapp-embb", "echo-1": "xapp-urllc", "echo-2": "xapp-vonr"}
"""Whose place each process takes."""


@dataclass(frozen=True, slots=True)
class FrameSizes:
    """Of the slot function, as measured: mean bytes of an encoded PDU, and observations a frame."""

    observation_bytes: int
    decision_bytes: int
    observations_per_frame: float

    @classmethod
    def of(cls, run: SystemRun) -> FrameSizes:
        """From what crossed E2 in a run of the real loop."""
        messages, octets = run.summary["e2_messages"]["slot"], run.summary["e2_bytes"]["slot"]
        observations = messages["ric_indication"]["to_ric"]
        decisions = messages["ric_control"]["to_node"]
        return cls(
            observation_bytes=round(octets["ric_indication"]["to_ric"] / observations),
            decision_bytes=round(octets["ric_control"]["to_node"] / decisions),
            observations_per_frame=min(max(observations / run.summary["slots"], 1.0), float(ECHOES)),
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """Frames at fixed times, and by when their echoes must be back."""

    slot_s: float
    control_delay_slots: int


def run_bare_loop(
    sizes: FrameSizes, placement: Placement, frames: int, stop: Stop, schedule: Schedule | None = None
) -> dict[str, float]:
    """Latencies of echoes in ms, p50 and p99, of frames one after the other; on a schedule, the `missed_fraction`.

    Raises:
        ProcessFailed: a process ended before its time.
        Interrupted: `stop` was set.
    """
    run_dir = make_run_dir()
    children = [Child(_spec(role, sizes, placement, frames, schedule, run_dir), run_dir) for role in _AS]
    node, others = children[0], children[1:]
    result = run_dir / RESULT_FILE
    try:
        for child in (*others, node):
            child.start()
        while not result.exists():
            for child in children:
                code = child.exit_code()
                if code is not None and not result.exists():
                    raise ProcessFailed(f"{child.spec.name} ended ({describe_exit(code)}): {child.last_words()}")
            if stop.wait(_POLL_S):
                raise Interrupted
        found: dict[str, float] = json.loads(result.read_text())
        return found
    finally:
        end_all(children)
        discard_run_dir(run_dir)


def _spec(
    role: str, sizes: FrameSizes, placement: Placement, frames: int, schedule: Schedule | None, run_dir: Path
) -> ProcessSpec:
    config = BareConfig(
        role=role,
        run_dir=str(run_dir),
        observation_bytes=sizes.observation_bytes,
        decision_bytes=sizes.decision_bytes,
        observations_per_frame=sizes.observations_per_frame,
        frames=frames,
        slot_s=schedule.slot_s if schedule else None,
        control_delay_slots=schedule.control_delay_slots if schedule else 0,
        cpu=placement.hot_cores.get(_AS[role]),
        fifo=placement.fifo_priority,
    )
    return ProcessSpec(f"bare-{role}", _MODULE, (config.to_json(),), http_port=0)
