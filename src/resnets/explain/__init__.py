"""What in an image an answer rests on."""
