"""The xApps: SDK, slicing policies, and the thin processes that host them."""
