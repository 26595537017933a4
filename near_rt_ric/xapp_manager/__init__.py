"""xApps that the RIC runs for people: processes or containers, kept in its store, started again when they die."""
