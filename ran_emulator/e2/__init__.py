"""The E2 node: its association with a RIC, and what each RAN function of it does."""
