"""Bringing images to the size a network takes, and its probability maps back to theirs."""

from flawscope.fit.plan import Plan, pad, plan_fit, resize
from flawscope.fit.stitching import FAINT, Stitcher

__all__ = ["FAINT", "Plan", "Stitcher", "pad", "plan_fit", "resize"]
