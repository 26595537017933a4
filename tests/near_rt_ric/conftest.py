"""A RIC process for each module, nodes and xApps of the tests' own."""

from ric_fixtures import node, own_ric, ric, xapp

__all__ = ["node", "own_ric", "ric", "xapp"]
