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


def half_turns(antennas: int) -> Any:
    """cos and sin of pi b / N over the codebook, float64 [2, N]: the table of `path_response`."""
    angle = np.pi * np.arange(antennas) / antennas
    return np.stack([np.cos(angle), np.sin(angle)])


@kernel
def path_response(path_cos: float, turns: Any, out_re: Any, out_im: Any) -> None:
    """a^H c_b of one path for the whole DFT codebook (Eq. 8), written into out_re, out_im [N].

    a_n = exp(j pi n cos), c_b,n = exp(j 2 pi n b / N) / sqrt(N): a geometric sum with ratio exp(j phi_b),
    phi_b = 2 pi b / N - pi cos, so (1 - exp(-j pi N cos)) (1 + j cot(phi_b / 2)) / (2 sqrt(N)).
    """
    antennas = out_re.shape[0]
    scale = 0.5 / math.sqrt(antennas)
    numerator_re = scale * (1.0 - math.cos(math.pi * antennas * path_cos))
    numerator_im = scale * math.sin(math.pi * antennas * path_cos)
    cos_half = math.cos(0.5 * math.pi * path_cos)
    sin_half = math.sin(0.5 * math.pi * path_cos)
    for b in range(antennas):
        sine = turns[1, b] * cos_half - turns[0, b] * sin_half
        cosine = turns[0, b] * cos_half + turns[1, b] * sin_half
        cotangent = cosine / sine
        out_re[b] = numerator_re - numerator_im * cotangent
        out_im[b] = numerator_im + numerator_re * cotangent
    # The beam that points along the path, where the quotient is 0 / 0.
    nearest = round(0.5 * antennas * path_cos) % antennas
    sine = turns[1, nearest] * cos_half - turns[0, nearest] * sin_half
    if abs(sine) < 1e-9:
        out_re[nearest] = math.sqrt(antennas)
        out_im[nearest] = 0.0


@kernel
def dense_path_response(path_cos: float, codebook: Any, sums: Any, out_re: Any, out_im: Any) -> None:
    """a^H c_b of one path for any codebook [N, N] complex, the sum as it stands, written into out_re, out_im [N].

    sums [N] complex: scratch.
    """
    antennas = codebook.shape[0]
    sums[:] = complex(0.0, 0.0)
    for n in range(antennas):
        phase = cmath.exp(-1j * math.pi * n * path_cos)
        for b in range(antennas):
            sums[b] += phase * codebook[n, b]
    for b in range(antennas):
        out_re[b] = sums[b].real
        out_im[b] = sums[b].imag


@kernel
def _accumulate(out: Any, real: Any, real_factor: float, imaginary: Any, imaginary_factor: float) -> None:
    """out += real_factor real + imaginary_factor imaginary; few enough arrays that the loop becomes SIMD."""
    for b in range(out.shape[0]):
        out[b] += real_factor * real[b] + imaginary_factor * imaginary[b]


@kernel
def total_gain(gains: Any) -> float:
    """Sum of the gains over the codebook, in eight partial sums (a fixed order that a processor can overlap)."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = np.float32(0.0)
    whole = gains.shape[0] // 8 * 8
    for b in range(0, whole, 8):
        s0 += gains[b]
        s1 += gains[b + 1]
        s2 += gains[b + 2]
        s3 += gains[b + 3]
        s4 += gains[b + 4]
        s5 += gains[b + 5]
        s6 += gains[b + 6]
        s7 += gains[b + 7]
    for b in range(whole, gains.shape[0]):
        s0 += gains[b]
    return np.float64(s0 + s1) + np.float64(s2 + s3) + np.float64(s4 + s5) + np.float64(s6 + s7)


@kernel
def beam_domain(amplitude: float, fading_re: Any, fading_im: Any, response: Any, out: Any, out_gain: Any) -> float:
    """h^H c_b = sqrt(beta/L) sum_l conj(g_l) a_l^H c_b (Eq. 6) and |h^H c_b|^2 over the codebook; returns ||h||^2.

    fading [L]; response [L, 2, N] and out [2, N]: real and imaginary parts. The codebook is unitary, so ||h||^2 is
    the sum of the gains (Parseval).
    """
    out[:] = np.float32(0.0)
    for path in range(response.shape[0]):
        re = np.float32(amplitude * fading_re[path])
        im = np.float32(amplitude * fading_im[path])
        _accumulate(out[0], response[path, 0], re, response[path, 1], im)
        _accumulate(out[1], response[path, 1], re, response[path, 0], -im)
    out_re = out[0]
    out_im = out[1]
    for b in range(out_gain.shape[0]):
        out_gain[b] = out_re[b] * out_re[b] + out_im[b] * out_im[b]
    return total_gain(out_gain)


@kernel
def projected_gain(channel: Any, beam: Any) -> float:
    """|h^H v|^2 of a beam in the beam domain: |sum_b (h^H c_b) (c_b^H v)|^2; both [2, N] real and imaginary parts."""
    h_re, h_im, v_re, v_im = channel[0], channel[1], beam[0], beam[1]
    re0 = re1 = re2 = re3 = im0 = im1 = im2 = im3 = np.float32(0.0)
    for b in range(0, h_re.shape[0] // 4 * 4, 4):
        re0 += h_re[b] * v_re[b] - h_im[b] * v_im[b]
        im0 += h_re[b] * v_im[b] + h_im[b] * v_re[b]
        re1 += h_re[b + 1] * v_re[b + 1] - h_im[b + 1] * v_im[b + 1]
        im1 += h_re[b + 1] * v_im[b + 1] + h_im[b + 1] * v_re[b + 1]
        re2 += h_re[b + 2] * v_re[b + 2] - h_im[b + 2] * v_im[b + 2]
        im2 += h_re[b + 2] * v_im[b + 2] + h_im[b + 2] * v_re[b + 2]
        re3 += h_re[b + 3] * v_re[b + 3] - h_im[b + 3] * v_im[b + 3]
        im3 += h_re[b + 3] * v_im[b + 3] + h_im[b + 3] * v_re[b + 3]
    re = np.float64(re0 + re1) + np.float64(re2 + re3)
    im = np.float64(im0 + im1) + np.float64(im2 + im3)
    return re * re + im * im


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


def random_common_beams(rng: np.random.Generator, count: int, antennas: int, codebook: Any = None) -> Any:
    """Random common beams (RBF) in the beam domain, c_b^H v, float32 [count, 2, N]: real and imaginary parts.

    v_n = exp(j phi_n) / sqrt(N) with independent uniform phases (C12 leaves phases only): unit norm, constant
    modulus, and h^H v distributed as for an isotropic beam up to 1/N. codebook [N, N]; None: the DFT's.
    """
    phases = rng.uniform(0.0, 2 * math.pi, (count, antennas))
    if codebook is None:
        # [count, N]: c_b^H v = (1/sqrt(N)) sum_n exp(-j 2 pi n b / N) v_n
        beams = np.fft.fft(np.exp(1j * phases), axis=1) / antennas
    else:
        beams = np.exp(1j * phases) @ codebook.conj() / math.sqrt(antennas)
    return np.ascontiguousarray(np.stack([beams.real, beams.imag], axis=1).astype(np.float32))
