"""Truth and inspections in, figures out; and the choices that figures decide."""

from flawscope.evaluate.choose import Edges, choose_edges, choose_threshold
from flawscope.evaluate.choose_masks import (
    THRESHOLDS,
    choose_areas,
    choose_mask_thresholds,
    piece_counts,
    threshold_counts,
)
from flawscope.evaluate.choose_second_look import (
    Weights,
    calibrated_edge,
    choose_second_look,
    enough_parts,
)
from flawscope.evaluate.choose_vetoes import choose_veto
from flawscope.evaluate.pixels import dice, iou, kaggle_dice
from flawscope.evaluate.ranking import Confusion, Curve, auroc, average_precision
from flawscope.evaluate.result import (
    INTERVALS,
    Evaluation,
    KindPixels,
    Located,
    Mistake,
    Scores,
    Table,
    Trade,
    Verdicts,
)
from flawscope.evaluate.tally import Tally, matched_kinds

__all__ = [
    "INTERVALS",
    "THRESHOLDS",
    "Confusion",
    "Curve",
    "Edges",
    "Evaluation",
    "KindPixels",
    "Located",
    "Mistake",
    "Scores",
    "Table",
    "Tally",
    "Trade",
    "Verdicts",
    "Weights",
    "auroc",
    "average_precision",
    "calibrated_edge",
    "choose_areas",
    "choose_edges",
    "choose_mask_thresholds",
    "choose_second_look",
    "choose_threshold",
    "choose_veto",
    "dice",
    "enough_parts",
    "iou",
    "kaggle_dice",
    "matched_kinds",
    "piece_counts",
    "threshold_counts",
]
