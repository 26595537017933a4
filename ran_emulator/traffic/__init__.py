"""Arrivals (Eq. 1), queues (Eq. 3) and the regimes of load."""
