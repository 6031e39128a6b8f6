"""What every part stands on: errors, files written whole, progress, interruption, settings, versions."""
