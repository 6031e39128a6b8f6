"""The file a user keeps: predict and evaluate with it, calibrate and compare."""
