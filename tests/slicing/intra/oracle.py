"""Coordinate ascent on the slice's sum rate over (8 best-ranked beams x 5 dBm levels): a strong local optimum."""

from __future__ import annotations

import numpy as np

from ran_emulator.phy.beam_reports import best_beams
from xapps.slicing.features import CANDIDATES, rank_beams
from xapps.slicing.intra.powers import dbm_level_w
from xapps.slicing.observation import SlotDecision, SlotObservation

from .synthetic import Snapshot, etas


def oracle(snapshot: Snapshot, observation: SlotObservation, sweeps: int = 3) -> float:
    """Best sum in bit/s/Hz found from three starts (all users at the lowest, middle or highest level)."""
    count = len(observation.user_ids)
    best = np.zeros(count, np.int16)
    best_beams(count, observation.beam_gains, best)
    ranked = np.zeros((count, CANDIDATES), np.int16)
    scores = np.zeros(observation.beam_gains.shape[1])
    for u in range(count):
        rank_beams(
            count,
            u,
            observation.beam_gains,
            best,
            observation.power_w,
            observation.noise_w,
            observation.kappa_r,
            scores,
            ranked[u],
        )
    levels_w = [dbm_level_w(level / 4, observation.power_w, count) for level in range(5)]

    def value(beams: np.ndarray, powers: np.ndarray) -> float:
        return float(etas(snapshot, observation, SlotDecision(beams, powers, None)).sum())

    found = 0.0
    for start in (0, 2, 4):
        beams = ranked[:, 0].copy()
        powers = np.full(count, levels_w[start], np.float32)
        current = value(beams, powers)
        for _ in range(sweeps):
            before = current
            for u in range(count):
                for beam in ranked[u]:
                    for level_w in levels_w:
                        kept = beams[u], powers[u]
                        beams[u], powers[u] = beam, level_w
                        tried = value(beams, powers)
                        if tried > current:
                            current = tried
                        else:
                            beams[u], powers[u] = kept
            if current == before:
                break
        found = max(found, current)
    return found
