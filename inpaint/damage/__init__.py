"""Synthetic damage: scratches, folds, cracks, dust, stains and stamps over clean images."""
