"""Profiles of hypothesis: `pytest --hypothesis-profile few` where another round tries as many examples as usual."""

from hypothesis import settings

settings.register_profile("few", max_examples=20)
