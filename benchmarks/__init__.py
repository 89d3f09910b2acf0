"""Simulation studies of the estimators, and timings beside peers."""
