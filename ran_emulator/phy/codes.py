"""What a scenario chooses by name, and its code in kernels and records: its place among the names."""

from __future__ import annotations

ACCESS = ("rsma", "sdma", "ofdma", "rsma-split")
ACCESS_OFDMA, ACCESS_RSMA_SPLIT = ACCESS.index("ofdma"), ACCESS.index("rsma-split")

COMMON_SPLITS = ("equal", "deficit", "maxmin")
SPLIT_EQUAL, SPLIT_DEFICIT, SPLIT_MAXMIN = map(COMMON_SPLITS.index, ("equal", "deficit", "maxmin"))

CODEBOOKS = ("dft", "phase-quantised")
CODEBOOK_DFT = CODEBOOKS.index("dft")

PRECODERS = ("codebook", "mrt", "zf", "rzf")
PRECODER_CODEBOOK, PRECODER_MRT, PRECODER_RZF = map(PRECODERS.index, ("codebook", "mrt", "rzf"))

COMMON_BEAMS = ("random", "sum-mrt", "best-codebook")
COMMON_BEAM_RANDOM, COMMON_BEAM_SUM_MRT, COMMON_BEAM_BEST_CODEBOOK = map(
    COMMON_BEAMS.index, ("random", "sum-mrt", "best-codebook")
)

COVERAGE = ("area", "disc", "confined")
COVERAGE_DISC, COVERAGE_CONFINED = COVERAGE.index("disc"), COVERAGE.index("confined")

HWI_MODELS = ("paper", "aggregate")
HWI_PAPER, HWI_AGGREGATE = map(HWI_MODELS.index, ("paper", "aggregate"))
"""Also the contract's HwiModel."""
