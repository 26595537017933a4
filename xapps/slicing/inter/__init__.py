"""Budgets of the slices, every second."""
