"""Where the time of agents that learn goes: CPU time a slot of each part of the learners."""

from __future__ import annotations

import cProfile
import time
from pstats import Stats

from hiso.bench.core import LEARNING_WARM_UP_SLOTS, TUNED
from hiso.runner import Runner
from ran_emulator.scenario import load_scenario

_PARTS = {
    "states": ("dqn.py", "_states"),
    "rewards of every action": ("dqn.py", "_reward"),
    "batch from the replay": ("replay.py", "sample"),
    "network and loss": ("dqn.py", "td_loss"),
    "weights out": ("dqn.py", "to_flat"),
}
_UPDATE, _GRADIENT = ("dqn.py", "_update"), "gradient and Adam"
_FRAME, _FRAME_REST = ("dqn.py", "on_frame"), "the rest of a frame"
_SECOND, _INTER = ("learning.py", "on_second"), "inter-slice learner"


def learner_us_per_slot(slots: int) -> dict[str, float]:
    """CPU time in us of a slot of `base` in which both levels learn, by part, as a profiler sees it; needs torch.

    The profiler's own time is in it: the parts say where time goes, `learning_slots_per_s` how much there is.
    """
    runner = Runner(load_scenario("base"), TUNED, seed=1, learn=True)
    runner.advance(LEARNING_WARM_UP_SLOTS)
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    runner.advance(slots)
    profile.disable()
    spent_s: dict[tuple[str, str], float] = {}
    for (file, _line, name), (_calls, _all, _own_s, with_callees_s, _callers) in Stats(profile).stats.items():  # type: ignore[attr-defined]
        place = (file.rpartition("/")[2], name)
        spent_s[place] = spent_s.get(place, 0.0) + with_callees_s
    parts_s = {part: spent_s.get(place, 0.0) for part, place in _PARTS.items()}
    of_update_s = parts_s["batch from the replay"] + parts_s["network and loss"] + parts_s["weights out"]
    parts_s[_GRADIENT] = spent_s.get(_UPDATE, 0.0) - of_update_s
    parts_s[_FRAME_REST] = spent_s.get(_FRAME, 0.0) - sum(parts_s.values())
    parts_s[_INTER] = spent_s.get(_SECOND, 0.0)
    return {part: 1e6 * part_s / slots for part, part_s in parts_s.items()}
