"""The SDK against a real RIC and a node of the tests' own."""

from ric_fixtures import node, own_ric, ric

__all__ = ["node", "own_ric", "ric"]
