"""Reward models and held-out metrics behind one interface."""
