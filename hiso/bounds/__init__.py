"""References and bounds beside results: what they are is in their names."""
