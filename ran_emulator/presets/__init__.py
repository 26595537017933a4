"""Scenarios that come with the product."""
