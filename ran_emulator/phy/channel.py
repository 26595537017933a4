"""Downlink MISO channel (Eq. 6-8) in the beam domain: h^H C is formed, h itself only where a precoder needs it."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np

from ran_emulator.phy.jit import kernel


def fading_correlation(speed_m_s: float, carrier_hz: float, slot_s: float) -> float:
    """Jakes' correlation of one slot, rho = J0(2 pi f_d T).

    J0(x) = (1/pi) int_0^pi cos(x sin t) dt; the midpoint rule converges faster than any power for it.
    """
    x = 2 * math.pi * speed_m_s * carrier_hz / 299_792_458.0 * slot_s
    t = (np.arange(256) + 0.5) * math.pi / 256
    return float(np.mean(np.cos(x * np.sin(t))))


@kernel
def path_response(path_cos: float, antennas: int, out_re: Any, out_im: Any) -> None:
    """a^H c_b of one path for the whole DFT codebook (Eq. 8), written into out_re, out_im [N].

    a_n = exp(j pi n cos), c_b,n = exp(j 2 pi n b / N) / sqrt(N): a geometric sum,
    (1 - exp(-j pi N cos)) / (1 - exp(j (2 pi b / N - pi cos))) / sqrt(N).
    """
    scale = 1.0 / math.sqrt(antennas)
    numerator = 1.0 - cmath.exp(-1j * math.pi * antennas * path_cos)
    start = cmath.exp(-1j * math.pi * path_cos)
    turn = cmath.exp(2j * math.pi / antennas)
    phase = start
    for b in range(antennas):
        if b % 16 == 0:  # the recurrence is renewed before its rounding shows
            phase = start * cmath.exp(2j * math.pi * b / antennas)
        denominator = 1.0 - phase
        if abs(denominator) < 1e-9:
            out_re[b] = antennas * scale
            out_im[b] = 0.0
        else:
            value = numerator / denominator * scale
            out_re[b] = value.real
            out_im[b] = value.imag
        phase *= turn


@kernel
def beam_domain(
    amplitude: float,
    fading_re: Any,
    fading_im: Any,
    response_re: Any,
    response_im: Any,
    out_re: Any,
    out_im: Any,
    out_gain: Any,
) -> float:
    """h^H c_b = sqrt(beta/L) sum_l conj(g_l) a_l^H c_b (Eq. 6) and |h^H c_b|^2 over the codebook; returns ||h||^2.

    fading [L], response [L, N], out [N]. The codebook is unitary, so ||h||^2 is the sum of the gains (Parseval).
    """
    beams = out_re.shape[0]
    a = np.float32(amplitude)
    r0, r1, r2, r3 = (
        a * np.float32(fading_re[0]),
        a * np.float32(fading_re[1]),
        a * np.float32(fading_re[2]),
        a * np.float32(fading_re[3]),
    )
    i0, i1, i2, i3 = (
        a * np.float32(fading_im[0]),
        a * np.float32(fading_im[1]),
        a * np.float32(fading_im[2]),
        a * np.float32(fading_im[3]),
    )
    for b in range(beams):
        re = r0 * response_re[0, b] + r1 * response_re[1, b] + r2 * response_re[2, b] + r3 * response_re[3, b]
        re += i0 * response_im[0, b] + i1 * response_im[1, b] + i2 * response_im[2, b] + i3 * response_im[3, b]
        im = r0 * response_im[0, b] + r1 * response_im[1, b] + r2 * response_im[2, b] + r3 * response_im[3, b]
        im -= i0 * response_re[0, b] + i1 * response_re[1, b] + i2 * response_re[2, b] + i3 * response_re[3, b]
        out_re[b] = re
        out_im[b] = im
        out_gain[b] = re * re + im * im
    total = 0.0
    for b in range(beams):
        total += out_gain[b]
    return total


@kernel
def antenna_domain(amplitude: float, fading_re: Any, fading_im: Any, path_cos: Any, out: Any) -> None:
    """h (Eq. 6) over the antennas, written into out [N] complex."""
    antennas = out.shape[0]
    for n in range(antennas):
        out[n] = 0.0
    for path in range(fading_re.shape[0]):
        gain = amplitude * complex(fading_re[path], fading_im[path])
        turn = cmath.exp(1j * math.pi * path_cos[path])
        phase = complex(1.0, 0.0)
        for n in range(antennas):
            out[n] += gain * phase
            phase *= turn


def random_common_beams(rng: np.random.Generator, count: int, antennas: int) -> tuple[Any, Any]:
    """Random common beams (RBF) in the beam domain, c_b^H v, as float32 real and imaginary parts [count, N].

    v_n = exp(j phi_n) / sqrt(N) with independent uniform phases (C12 leaves phases only): unit norm, constant
    modulus, and h^H v distributed as for an isotropic beam up to 1/N.
    """
    phases = rng.uniform(0.0, 2 * math.pi, (count, antennas))
    # [count, N]: c_b^H v = (1/sqrt(N)) sum_n exp(-j 2 pi n b / N) v_n
    beams = np.fft.fft(np.exp(1j * phases), axis=1) / antennas
    return np.ascontiguousarray(beams.real.astype(np.float32)), np.ascontiguousarray(beams.imag.astype(np.float32))
