"""Predictions for millions of images: parts that survive a kill, by threads or over a Ray cluster."""
