"""How fast a model is, end to end, alone or in turn with another on the same pictures."""

from flawscope.bench.comparing import DEFAULT_SECONDS, DEFAULT_SIZE, compare
from flawscope.bench.comparison import Comparison
from flawscope.bench.figures import Row, Spread, composed, percentiles, row, spread
from flawscope.bench.pictures import SHARES, Mix, Picture, Trial, mixed
from flawscope.bench.predicting import Prediction, predict
from flawscope.bench.sides import InspectorSide, Setup, Side, Timing

__all__ = [
    "DEFAULT_SECONDS",
    "DEFAULT_SIZE",
    "SHARES",
    "Comparison",
    "InspectorSide",
    "Mix",
    "Picture",
    "Prediction",
    "Row",
    "Setup",
    "Side",
    "Spread",
    "Timing",
    "Trial",
    "compare",
    "composed",
    "mixed",
    "percentiles",
    "predict",
    "row",
    "spread",
]
