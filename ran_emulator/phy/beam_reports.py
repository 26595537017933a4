"""The compact view of a group's beams: each user's strongest ones, and what they would cost the others.

K users, N codebook beams. Nearer to a beam report (TS 38.214 5.2.1.4) than all of |h^H C|, though not quantised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ran_emulator.phy.jit import state_kernel

REPORTED_BEAMS = 8

BEAM_REPORT = np.dtype(
    [
        ("beams", "<i2", (REPORTED_BEAMS,)),  # by falling gain
        ("gains", "<f4", (REPORTED_BEAMS,)),  # |h^H c|^2
        ("leakage", "<f4", (REPORTED_BEAMS,)),  # `leakage`, sum over the others
        ("worst_leakage", "<f4", (REPORTED_BEAMS,)),  # and the largest of them
        ("incoming", "<f4"),  # `incoming_leakage`
        ("last_beam_gain", "<f4"),  # of the beam of the user's last outcome (Eq. 24)
    ]
)
"""One user's report, 120 bytes without padding."""


@state_kernel
def best_beams(count: int, beam_gains: Any, best: Any) -> None:
    """Strongest beam of each user into best [K]; of equal ones the lowest index. beam_gains [K, N]."""
    for u in range(count):
        index = 0
        for b in range(1, beam_gains.shape[1]):
            if beam_gains[u, b] > beam_gains[u, index]:
                index = b
        best[u] = index


@state_kernel
def leakage(count: int, user: int, beam: int, beam_gains: Any, best: Any) -> tuple[float, float]:
    """Sum and maximum over victims j of |h_j^H c_b|^2 / |h_j^H c_best(j)|^2: what beam b costs the others."""
    total = 0.0
    worst = 0.0
    for j in range(count):
        strongest = float(beam_gains[j, best[j]])
        if j != user and strongest > 0.0:
            ratio = beam_gains[j, beam] / strongest
            total += ratio
            worst = max(worst, ratio)
    return total, worst


@state_kernel
def incoming_leakage(count: int, user: int, beam_gains: Any, best: Any) -> float:
    """Sum over the others j of |h_u^H c_best(j)|^2 / |h_u^H c_best(u)|^2: what their best beams cost user u."""
    strongest = float(beam_gains[user, best[user]])
    total = 0.0
    for j in range(count):
        if j != user and strongest > 0.0:
            total += beam_gains[user, best[j]] / strongest
    return total


@state_kernel
def last_beam(user: int, last_outcome: Any, beams: int) -> int:
    """The beam of a user's last outcome, last_outcome [K, 7] (Eq. 24), as an index of a codebook of `beams`."""
    return min(max(int(last_outcome[user, 5]), 0), beams - 1)


@state_kernel
def report_beams(count: int, last_outcome: Any, beam_gains: Any, best: Any, reports: Any) -> None:
    """Reports of a group into reports [K] of `BEAM_REPORT`, their best beams into best [K].

    last_outcome f32 [K, 7] (Eq. 24), beam_gains f32 [K, N]. Of equal beams the lowest index comes first; with fewer
    than eight beams the first repeats.
    """
    beams = beam_gains.shape[1]
    places = min(REPORTED_BEAMS, beams)
    best_beams(count, beam_gains, best)
    for u in range(count):
        report = reports[u]
        filled = 0
        for b in range(beams):
            gain = beam_gains[u, b]
            if filled == places and gain <= report.gains[places - 1]:
                continue
            place = min(filled, places - 1)
            while place > 0 and gain > report.gains[place - 1]:
                report.gains[place] = report.gains[place - 1]
                report.beams[place] = report.beams[place - 1]
                place -= 1
            report.gains[place] = gain
            report.beams[place] = b
            filled = min(filled + 1, places)
        for place in range(places, REPORTED_BEAMS):
            report.gains[place] = report.gains[0]
            report.beams[place] = report.beams[0]
        for place in range(REPORTED_BEAMS):
            total, worst = leakage(count, u, report.beams[place], beam_gains, best)
            report.leakage[place] = total
            report.worst_leakage[place] = worst
        report.incoming = incoming_leakage(count, u, beam_gains, best)
        report.last_beam_gain = beam_gains[u, last_beam(u, last_outcome, beams)]


class BeamReporter:
    """Makes reports, group after group, into one array of its own."""

    def __init__(self, group_users: int = 8) -> None:
        """For groups of at most `group_users`."""
        self._best = np.zeros(group_users, np.int16)
        self._reports = np.zeros(group_users, BEAM_REPORT)

    def reports(self, count: int, last_outcome: Any, beam_gains: Any) -> Any:
        """`report_beams` of the first `count` rows: a view [K] that holds until the next call."""
        report_beams(count, last_outcome, beam_gains, self._best, self._reports)
        return self._reports[:count]
