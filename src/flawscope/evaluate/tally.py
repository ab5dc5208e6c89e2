"""Truth and inspections in, one image at a time; numbers kept, masks let go."""

from __future__ import annotations

from collections.abc import Iterable

from flawscope.errors import EvaluationError
from flawscope.evaluate.figures import Row, evaluation
from flawscope.evaluate.pixels import PixelCounts, count_pixels, has_pixel_truth
from flawscope.evaluate.result import Evaluation
from flawscope.values import UNNAMED, Inspection, Label, Policy, Sample


class Tally:
    """Gathers what an evaluation needs; memory grows by some numbers an image.

    Args:
        looked_for: the kinds that the dataset's labellers looked for.
        known: the kinds that the model knows. Those nobody looked for are left out.
        policy: of the model, for its thresholds and edges.
        any_kind: judge "defect or not" only, so that the two vocabularies may differ.

    Raises:
        EvaluationError: the labellers looked for kinds that the model does not know.
    """

    def __init__(
        self,
        looked_for: Iterable[str],
        known: Iterable[str],
        policy: Policy,
        *,
        any_kind: bool = False,
    ) -> None:
        self._kinds = () if any_kind else matched_kinds(looked_for, known)
        self._policy = policy
        self._any_kind = any_kind
        self._unknown = 0
        self._rows: list[Row] = []

    def add(self, sample: Sample, inspection: Inspection) -> None:
        """Counts one image.

        A sample whose label is unknown counts nowhere, and is counted as such. A kind of which the
        inspection says nothing, as the cascade stopped before naming kinds, has probability 0.

        Raises:
            EvaluationError: the two are of different sizes, or a score is no probability.
        """
        if sample.label is Label.UNKNOWN:
            self._unknown += 1
            return
        probabilities = tuple(inspection.kinds.get(kind, 0.0) for kind in self._kinds)
        if not all(0.0 <= score <= 1.0 for score in (inspection.score, *probabilities)):
            raise EvaluationError(
                "a score or a kind's probability lies outside 0 to 1",
                where=sample.id,
                remedy="Export the model again from its run",
            )
        self._rows.append(
            Row(
                id=sample.id,
                group=sample.group,
                defective=sample.label is Label.DEFECTIVE,
                score=inspection.score,
                verdict=inspection.verdict,
                shows=self._shown(sample),
                probabilities=probabilities,
                pixels=self._pixels(sample, inspection),
            )
        )

    def result(self) -> Evaluation:
        """The figures of all images so far.

        Raises:
            EvaluationError: there is no image whose label is known.
        """
        if not self._rows:
            raise EvaluationError(
                f"none of {self._unknown} images is labelled good or defective",
                remedy="Label some of them, or choose another split with --split",
            )
        return evaluation(self._rows, self._unknown, self._kinds, self._policy, self._any_kind)

    def _shown(self, sample: Sample) -> tuple[bool, ...] | None:
        """Whether the sample shows each kind; ``None`` where nobody named them all."""
        if sample.kinds is None:
            return None
        shown = {kind.casefold() for kind in sample.kinds}
        if UNNAMED in shown:
            return None
        return tuple(kind.casefold() in shown for kind in self._kinds)

    def _pixels(self, sample: Sample, inspection: Inspection) -> PixelCounts | None:
        if not has_pixel_truth(sample):
            return None
        return count_pixels(sample, inspection, self._kinds)


def matched_kinds(looked_for: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The kinds that both sides know, without regard to case, sorted, as the model writes them.

    ``UNNAMED`` is no kind. The result is empty where the labellers named none.

    Raises:
        EvaluationError: the labellers looked for kinds that the model does not know.
    """
    names = {kind.casefold(): kind for kind in known}
    wanted = {kind.casefold(): kind for kind in looked_for}
    wanted.pop(UNNAMED, None)
    strangers = sorted(kind for folded, kind in wanted.items() if folded not in names)
    if strangers:
        raise EvaluationError(
            f"the dataset has kinds that the model does not know: {', '.join(strangers)}"
            f" (it knows {', '.join(sorted(names.values())) or 'none'})",
            remedy="Judge defect or not alone with --any-kind, or train on these kinds",
        )
    return tuple(sorted(names[folded] for folded in wanted))
