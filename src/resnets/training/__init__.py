"""Training: what to do (recipe), how a step is made (optimization), and the loop that can stop and go on anywhere."""
