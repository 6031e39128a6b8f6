"""What a run does, as values: the recipe, named recipes, the plan, and defaults that fit the data."""
