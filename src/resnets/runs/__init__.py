"""Training runs from beginning to end, and what takes several of them: the spread of seeds, a search for a rate."""
