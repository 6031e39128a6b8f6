"""Judging: pure functions of what a classifier said and what was right."""
