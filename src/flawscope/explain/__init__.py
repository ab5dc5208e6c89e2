"""Heatmaps: which places of an image speak for an answer, and how well they name the defect's."""

from flawscope.explain.heatmap import Heatmap, Hottest
from flawscope.explain.judging import best_iou, points_at, share_inside
from flawscope.explain.methods import METHODS, explain
from flawscope.explain.occlusion import occlude
from flawscope.explain.picture import picture

__all__ = [
    "METHODS",
    "Heatmap",
    "Hottest",
    "best_iou",
    "explain",
    "occlude",
    "picture",
    "points_at",
    "share_inside",
]
