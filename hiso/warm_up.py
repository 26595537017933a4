"""`python -m hiso.warm_up`: compile every kernel into the cache, so that no run waits for a compiler."""

from __future__ import annotations

import argparse
import os
import sys
import time

from hiso.observe import slice_context
from hiso.runner import Runner, RunWeights, run
from hiso.world import World
from ran_emulator.cell import Cell
from ran_emulator.scenario import SLICE_NAMES, load_scenario
from ran_emulator.warm_up import warm_up as warm_up_slot_loop
from xapps.slicing import rewards
from xapps.slicing.intra.frames import SlotLane
from xapps.slicing.intra.policies import KINDS, make_intra_policy
from xapps.slicing.options import AgentOptions
from xapps.slicing.schedulers import resolve

_SLOTS = 40

# Each path through a slot once: access, precoder and impairment model are branches of the same kernels, but the
# routines behind them are compiled when they are first reached.
_CELLS: tuple[list[str], ...] = (
    [],
    ["hwi.model=aggregate"],
    ["access=sdma"],
    ["access=ofdma", "precoder=zf"],
)


def main() -> int:
    """Compile; 0."""
    argparse.ArgumentParser(prog="python -m hiso.warm_up", description=__doc__).parse_args()
    started = time.perf_counter()
    cell = Cell(load_scenario("base"), seed=0)
    for name in KINDS:
        policy = make_intra_policy(name, slice_context(cell, 1), seed=0)
    SlotLane(policy, "", "")
    gga = resolve("gga")
    for overrides in _CELLS:
        scenario = load_scenario("high-load", overrides)
        for delay in (0, 2):
            run(scenario, gga, seed=0, slots=_SLOTS, control_delay_slots=delay, weights=RunWeights())
    for chosen in (resolve("slnr", options=AgentOptions(observation="compact")), resolve("slnr", intra="oracle")):
        Runner(load_scenario("high-load"), chosen, seed=0, compiled=False).advance(_SLOTS)
    warm_up_slot_loop()
    rewards.warm_up()
    world = World(load_scenario("high-load"), seed=0, intra="greedy")
    world.cell.inject(SLICE_NAMES.index("embb"), 8)
    world.run(_SLOTS)
    world.cell.places_m()
    print(f"kernels compiled in {time.perf_counter() - started:.0f} s: {os.environ['NUMBA_CACHE_DIR']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
