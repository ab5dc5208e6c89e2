"""The page of an evaluation: what a quality engineer reads before signing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from flawscope.evaluate import Evaluation, Mistake, Scores, Table, Trade, Verdicts
from flawscope.evaluate.result import INTERVALS
from flawscope.report.charts import Axis, Chart, Mark, Rule, Series
from flawscope.report.comparing import Comparison, ComparisonView, comparison_view
from flawscope.report.pages import asset, write_page
from flawscope.report.palette import FOUND_COLOUR, TRUTH_COLOUR
from flawscope.report.wording import count, percent
from flawscope.values import Verdict

_SHARES = (0.0, 1.0, True)


def write_evaluation_page(
    evaluation: Evaluation,
    out: Path,
    *,
    title: str = "Evaluation",
    facts: Iterable[tuple[str, str]] = (),
    look: Callable[[str], Comparison] | None = None,
) -> Path:
    """Writes the page of an evaluation, whole or not at all.

    Args:
        evaluation: what it shows.
        out: folder to write ``index.html`` to; made where it is missing.
        title: what was evaluated on what, in a few words.
        facts: names and values that say which data and which model.
        look: gives the picture behind a mistake's id, asked for one at a time for the few that
            are shown; without it mistakes are named, not shown.

    Returns:
        the page's path.
    """
    table = evaluation.verdict_table
    context = {
        "own_style": asset("evaluation.css"),
        "title": title,
        "facts": list(facts),
        "evaluation": evaluation,
        "subject": _subject(evaluation),
        "intervals": INTERVALS,
        "trade": trade_charts(evaluation.trade, evaluation.verdicts),
        "screen_curve": recall_chart("the screen", evaluation.screen),
        "kind_curves": [
            (kind, scores, recall_chart(kind, scores, width=320, height=230))
            for kind, scores in evaluation.kinds.items()
            if scores.support
        ],
        "screen_table": _confusion_table(evaluation.screen, "good", "defective"),
        "kind_tables": [
            (kind, _confusion_table(scores, "does not show it", "shows it"))
            for kind, scores in evaluation.kinds.items()
        ],
        "truth_colour": TRUTH_COLOUR,
        "found_colour": FOUND_COLOUR,
        "mistakes": [
            (name, wrong, _views(mistakes, look))
            for name, wrong, mistakes in (
                ("escapes", _counted(table, "defective", Verdict.ACCEPT), evaluation.escapes),
                ("overkill", _counted(table, "good", Verdict.REJECT), evaluation.overkills),
            )
        ],
    }
    return write_page(out / "index.html", "evaluation.html", context)


def trade_charts(trade: Trade, verdicts: Verdicts) -> tuple[Chart, Chart]:
    """Escapes and overkill by threshold, with the edges; and one against the other.

    The second shows the chosen edges as a point, which lies under the curve by what reviews save.
    """
    thresholds, escapes = _list(trade.thresholds), _list(trade.escape_rate)
    overkills = _list(trade.overkill_rate)
    rules = [
        Rule(trade.accept_below, f"accept under {percent(trade.accept_below)}"),
        Rule(trade.reject_above, f"reject from {percent(trade.reject_above)}"),
    ]
    by_threshold = Chart(
        x=Axis("probability of a defect that parts good from defective", *_SHARES),
        y=Axis("share of parts", *_SHARES),
        series=[
            Series("escapes, of defective parts", thresholds, escapes),
            Series("overkill, of good parts", thresholds, overkills, 2),
        ],
        rules=rules,
        description="Escape rate and overkill rate at every threshold, with the model's edges",
    )
    escape, overkill = verdicts.escape_rate.value, verdicts.overkill_rate.value
    known = escape is not None and overkill is not None
    most = min(1.0, max(0.2, 2 * max(escape or 0.0, overkill or 0.0)))
    against = Chart(
        x=Axis("overkill, of good parts", 0.0, most, shares=True),
        y=Axis("escapes, of defective parts", 0.0, most, shares=True),
        series=[Series("one threshold", overkills, escapes)],
        marks=[Mark(overkill or 0.0, escape or 0.0, "chosen edges")] if known else [],
        description="Escape rate against overkill rate, with what the chosen edges give",
    )
    return by_threshold, against


def recall_chart(name: str, scores: Scores, *, width: int = 440, height: int = 290) -> Chart:
    """The precision-recall curve of some scores, their threshold on it, and the trivial answer."""
    curve = scores.curve
    recall, precision = _list(curve.recall), _list(curve.precision)
    base = scores.trivial["precision"]
    trivial = [] if base is None else [Series("yes to all", (0, 1), (base, base), 7, dashed=True)]
    at, precise = scores.recall.value, scores.precision.value
    marks = [] if at is None or precise is None else [Mark(at, precise, percent(scores.threshold))]
    return Chart(
        x=Axis("recall", *_SHARES),
        y=Axis("precision", *_SHARES),
        # The curve's last step, at its highest threshold, reaches back to a recall of zero.
        series=[
            Series(name, [*recall, 0.0], [*precision, *precision[-1:]], steps=True),
            *trivial,
        ],
        marks=marks,
        description=f"Precision against recall of {name}",
        width=width,
        height=height,
    )


def _confusion_table(scores: Scores, no: str, yes: str) -> list[tuple[str, tuple[int, int]]]:
    """Rows by truth, their columns by answer: no, yes."""
    matrix = scores.confusion
    return [
        (no, (matrix.true_negative, matrix.false_positive)),
        (yes, (matrix.false_negative, matrix.true_positive)),
    ]


def _counted(table: Table, truth: str, verdict: Verdict) -> int:
    return table.counts[table.rows.index(truth)][table.columns.index(verdict.value)]


def _views(
    mistakes: Sequence[Mistake], look: Callable[[str], Comparison] | None
) -> list[tuple[Mistake, ComparisonView | None]]:
    return [(one, comparison_view(look(one.id)) if look else None) for one in mistakes]


def _subject(evaluation: Evaluation) -> str:
    subject = f"{count(evaluation.images, 'image')} in {count(evaluation.groups, 'group')}"
    if evaluation.unknown:
        subject += f"; {evaluation.unknown:,} more are labelled neither good nor defective"
    return subject


def _list(values: np.typing.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values]
