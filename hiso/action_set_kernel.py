"""What the tuned agents' own actions allow on a slot's channels: one power level for all, eight beams a user."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiso.oracle_kernel import LEVELS, ascend, rank_candidates
from ran_emulator.phy.jit import kernel
from xapps.slicing.features import CANDIDATES
from xapps.slicing.intra.powers import dbm_level_w
from xapps.slicing.rewards import SliceChannels


@kernel
def best_actions(channels: SliceChannels, out_beams: Any, out_private_power: Any) -> float:
    """Beams and private powers of a group that a local search over `madqn-tuned`'s joint actions finds best.

    The oracle's ascent over each user's eight candidates, once for each of the five levels that a group shares, from
    the first candidates and from the strongest beams. A strong local optimum, not a bound; returns its sum rate,
    bit/s/Hz. out_beams i16 [K], out_private_power f32 [K].
    """
    count = channels.beam_gains.shape[0]
    strongest = np.zeros(count, np.int16)
    ranked = np.zeros((count, CANDIDATES), np.int16)
    rank_candidates(channels, strongest, ranked)
    eta = np.zeros(count)
    private_power_w = np.zeros(count, np.float32)
    level_w = np.zeros(1)
    rest_w = np.full(1, channels.power_w if channels.common_stream else 0.0)  # as far as the private streams leave it
    found = -1.0
    for level in range(LEVELS):
        level_w[0] = dbm_level_w(level / (LEVELS - 1), channels.power_w, count)
        private_power_w[:] = level_w[0]
        for start in range(2):
            beams = ranked[:, 0].copy() if start == 0 else strongest.copy()
            reached, _ = ascend(channels, ranked, level_w, rest_w, 0, beams, private_power_w, eta)
            if reached > found:
                found = reached
                out_beams[:] = beams
                out_private_power[:] = private_power_w
    return found
