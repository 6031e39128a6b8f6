"""Small networks as their publishers define them: their modules, their names, their order. Written here, from facts."""
