"""What an agent of a slice sees of its group: Eq. 24's state, and the ranking and context of the tuned form.

K users, N codebook beams; every feature is scaled by fixed physical scales to about -1..1.
"""

from __future__ import annotations

import math
from typing import Any

from ran_emulator.phy.beam_reports import REPORTED_BEAMS, incoming_leakage, last_beam, leakage
from ran_emulator.phy.codes import HWI_AGGREGATE
from ran_emulator.phy.jit import state_kernel

CANDIDATES = REPORTED_BEAMS
STATE_FEATURES = 8
CONTEXT_FEATURES = 3 + 3 * CANDIDATES + 3
FEATURES_TUNED = STATE_FEATURES + CONTEXT_FEATURES

HEAVY_COMMON_PRIVATE_SHARE = 1e-4
"""Share of P_s on private streams where the common one takes the rest: enough, since noise never matters."""

_FEATURE_LIMIT = 4.0


@state_kernel
def slnr_floor(count: int, strongest: float, power_w: float, noise_w: float, kappa_r: float) -> float:
    """What a private stream suffers beside leakage, relative to its own best gain: distortion and noise."""
    private_w = HEAVY_COMMON_PRIVATE_SHARE * power_w / count
    return kappa_r + noise_w / max(private_w * strongest, 1e-300)


@state_kernel
def slnr(
    count: int,
    user: int,
    beam_gains: Any,
    best: Any,
    power_w: float,
    noise_w: float,
    kappa_r: float,
    out: Any,
) -> None:
    """Signal-to-leakage ratio of each beam for `user` into out [N].

    SLNR_b = (g_b / g_best) / (sum of victim-normalised leakage + floor). Loops over beams are innermost: they
    vectorise.
    """
    beams = beam_gains.shape[1]
    strongest = max(float(beam_gains[user, best[user]]), 1e-300)
    out[:] = slnr_floor(count, strongest, power_w, noise_w, kappa_r)
    for j in range(count):
        other = float(beam_gains[j, best[j]])
        if j != user and other > 0.0:
            victim = beam_gains[j]
            inverse = 1.0 / other
            for b in range(beams):
                out[b] += victim[b] * inverse
    own = beam_gains[user]
    inverse = 1.0 / strongest
    for b in range(beams):
        out[b] = own[b] * inverse / out[b]


@state_kernel
def rank_beams(
    count: int,
    user: int,
    beam_gains: Any,
    best: Any,
    power_w: float,
    noise_w: float,
    kappa_r: float,
    scores: Any,
    ranked: Any,
) -> None:
    """The beams of `user` by falling SLNR into ranked [R]; of equal ones the lowest index first.

    scores [N] is scratch. With fewer beams than R the first repeats.
    """
    beams = beam_gains.shape[1]
    slnr(count, user, beam_gains, best, power_w, noise_w, kappa_r, scores)
    places = min(ranked.shape[0], beams)
    filled = 0
    for b in range(beams):
        score = scores[b]
        if filled == places and score <= scores[ranked[places - 1]]:
            continue
        place = min(filled, places - 1)
        while place > 0 and score > scores[ranked[place - 1]]:
            ranked[place] = ranked[place - 1]
            place -= 1
        ranked[place] = b
        filled = min(filled + 1, places)
    for place in range(places, ranked.shape[0]):
        ranked[place] = ranked[0]


@state_kernel
def rank_reported(count: int, report: Any, power_w: float, noise_w: float, kappa_r: float, order: Any) -> None:
    """Places of a report's beams by falling SLNR into order [8]; of equal ones the stronger first.

    report: one of `beam_reports.BEAM_REPORT`. The SLNR is that of `slnr`, from the reported leakage.
    """
    strongest = max(float(report.gains[0]), 1e-300)
    floor = slnr_floor(count, strongest, power_w, noise_w, kappa_r)
    for c in range(CANDIDATES):
        score = report.gains[c] / strongest / (report.leakage[c] + floor)
        place = c
        while place > 0:
            before = order[place - 1]
            if score <= report.gains[before] / strongest / (report.leakage[before] + floor):
                break
            order[place] = before
            place -= 1
        order[place] = c


@state_kernel
def _limited(value: float) -> float:
    return min(max(value, -_FEATURE_LIMIT), _FEATURE_LIMIT)


@state_kernel
def _dbm_share(watts: float) -> float:
    """0 W and 1 mW to about 0, 60 dBm to 1."""
    return 10.0 * math.log10(1.0 + 1e3 * watts) / 60.0


@state_kernel
def _decades(ratio: float) -> float:
    """A ratio of 1e-6..1 to -1..1."""
    return (math.log10(max(ratio, 1e-6)) + 3.0) / 3.0


@state_kernel
def _snr_decades(gain: float, power_w: float, noise_w: float) -> float:
    """SNR at full slice power: 70..130 dB to -1..1."""
    return (math.log10(max(gain * power_w, 1e-300) / max(noise_w, 1e-300)) - 10.0) / 3.0


@state_kernel
def state_features(
    user: int, last_outcome: Any, beams: int, last_beam_gain: float, power_w: float, noise_w: float, out: Any
) -> None:
    """The eight entries of Eq. 24 of one user into out [8].

    last_outcome [K, 7]: p_c W, SDNR_c, X bit/s/Hz, p_p W, SDNR_p, beam (of a codebook of `beams`), r_p bit/s/Hz of
    its last slot; last_beam_gain: the present |h^H c|^2 of that beam, the eighth.
    """
    out[0] = _limited(_dbm_share(last_outcome[user, 0]))
    out[1] = _limited(math.log2(1.0 + last_outcome[user, 1]) / 20.0)
    out[2] = _limited(last_outcome[user, 2] / 20.0)
    out[3] = _limited(_dbm_share(last_outcome[user, 3]))
    out[4] = _limited(math.log2(1.0 + last_outcome[user, 4]) / 20.0)
    out[5] = last_beam(user, last_outcome, beams) / beams
    out[6] = _limited(last_outcome[user, 6] / 20.0)
    out[7] = _limited(_snr_decades(last_beam_gain, power_w, noise_w))


@state_kernel
def _group_features(count: int, strongest: float, incoming: float, power_w: float, noise_w: float, out: Any) -> None:
    """Number of users, own best gain, leakage that comes in from the others' best beams, into out [0..2]."""
    out[0] = count / 5.0 - 1.0
    out[1] = _limited(_snr_decades(strongest, power_w, noise_w))
    out[2] = _limited(_decades(incoming))


@state_kernel
def _candidate_features(candidate: int, relative: float, total: float, worst: float, out: Any) -> None:
    """A beam's gain relative to the best, sum and maximum of its leakage on the others, into the context."""
    out[3 + 3 * candidate] = _limited(_decades(relative))
    out[4 + 3 * candidate] = _limited(_decades(total))
    out[5 + 3 * candidate] = _limited(_decades(worst))


@state_kernel
def _impairment(kappa: float) -> float:
    """A distortion ratio of 1e-8..1 to -1..1, less to -1."""
    return (math.log10(max(kappa, 1e-8)) + 4.0) / 4.0


@state_kernel
def impairment_features(hwi_model: int, kappa_t: float, kappa_r: float, out: Any) -> None:
    """Which distortion there is, and how much, into the last three of the context's out [30]."""
    # Without distortion the readings are one.
    out[CONTEXT_FEATURES - 3] = 1.0 if hwi_model == HWI_AGGREGATE and kappa_t + kappa_r > 0.0 else 0.0
    out[CONTEXT_FEATURES - 2] = _impairment(kappa_t)
    out[CONTEXT_FEATURES - 1] = _impairment(kappa_r)


@state_kernel
def context_features(
    count: int, user: int, beam_gains: Any, best: Any, ranked: Any, power_w: float, noise_w: float, out: Any
) -> None:
    """The group as one user meets it, into out [0..26]: all entries of |h^H C|^2, which the gNB has.

    Number of users, own best gain, leakage that comes in from the others' best beams; for each candidate beam its
    gain relative to the best, and sum and maximum of its leakage on the others. ranked [8]: the candidates.
    """
    strongest = float(beam_gains[user, best[user]])
    _group_features(count, strongest, incoming_leakage(count, user, beam_gains, best), power_w, noise_w, out)
    for c in range(CANDIDATES):
        total, worst = leakage(count, user, ranked[c], beam_gains, best)
        relative = beam_gains[user, ranked[c]] / strongest if strongest > 0.0 else 0.0
        _candidate_features(c, relative, total, worst, out)


@state_kernel
def reported_features(count: int, report: Any, order: Any, power_w: float, noise_w: float, out: Any) -> None:
    """`context_features` of the reported beams, in the order of `rank_reported`, into out [0..26]."""
    strongest = float(report.gains[0])
    _group_features(count, strongest, report.incoming, power_w, noise_w, out)
    for c in range(CANDIDATES):
        place = order[c]
        relative = report.gains[place] / strongest if strongest > 0.0 else 0.0
        _candidate_features(c, relative, report.leakage[place], report.worst_leakage[place], out)
