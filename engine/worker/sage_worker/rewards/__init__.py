"""Reward models and held-out metrics behind one interface."""

from sage_worker.rewards.python_reward import Video

__all__ = ["Video"]
