"""HiSO-CoMA as an emulated O-RAN: the public Python API."""

__version__ = "0.1.0"
