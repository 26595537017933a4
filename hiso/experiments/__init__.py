"""Experiments: what is compared, in declarative files; their runs, statistics, figures and the page of verdicts."""
