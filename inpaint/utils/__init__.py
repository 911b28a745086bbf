"""Helpers without knowledge of inpainting: files, distances, linear solvers."""
