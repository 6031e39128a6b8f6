"""What is wrong with a data set: one look at every image, then findings as pure functions over what was seen."""
