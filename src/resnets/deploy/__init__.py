"""From a classifier to what others run: exported files, int8, predictions in bulk."""
