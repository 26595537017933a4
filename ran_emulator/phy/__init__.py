"""Pure functions of arrays: geometry, large-scale fading, channel, codebook, impairments, RSMA."""
