"""Exemplar-based texture synthesis, guided by a network's fill."""
