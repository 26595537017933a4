"""What every process of the product needs around its work: flags, logs, placement, health and metrics, a clean stop."""
