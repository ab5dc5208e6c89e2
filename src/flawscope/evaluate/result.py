"""What an evaluation says: every figure beside its interval and a trivial answer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flawscope.evaluate.intervals import LEVEL, RESAMPLES, SEED
from flawscope.evaluate.ranking import Confusion, Curve, Floats
from flawscope.values import Estimate, Verdict

Json = dict[str, object]

INTERVALS: Json = {
    "level": LEVEL,
    "proportions": (
        "precision, recall and the rates of verdicts: Wilson's score interval, its n divided by the"
        " design effect of the groups"
    ),
    "others": "percentiles of a bootstrap that resamples whole groups",
    "resamples": RESAMPLES,
    "seed": SEED,
}


@dataclass(frozen=True, slots=True)
class Scores:
    """How well one probability tells images that show something from those that do not.

    ``auroc``, ``average_precision`` and ``f1`` have bootstrap intervals; ``precision`` (of the
    images called so) and ``recall`` (of those that are) Wilson's.

    Attributes:
        threshold: a probability that reaches it means yes; from the policy, not from these images.
        support: how many images show it.
        confusion: images by truth and answer at the threshold.
        curve: precision and recall at every threshold, thinned to what can be drawn.
        trivial: the same figures of the answer "yes" to every image.
    """

    auroc: Estimate
    average_precision: Estimate
    f1: Estimate
    precision: Estimate
    recall: Estimate
    threshold: float
    support: int
    confusion: Confusion
    curve: Curve
    trivial: Mapping[str, float | None]

    def to_json(self) -> Json:
        """The contract's keys of a screen or a kind."""
        return {
            "auroc": asdict(self.auroc),
            "average_precision": asdict(self.average_precision),
            "f1": asdict(self.f1),
            "precision": asdict(self.precision),
            "recall": asdict(self.recall),
            "threshold": self.threshold,
            "confusion": asdict(self.confusion),
        }


@dataclass(frozen=True, slots=True)
class KindPixels:
    """How well one kind is located: over the pool of all pixels, and averaged by image.

    ``dice_mean`` averages over the images that show the kind, and its n counts those.
    """

    dice: Estimate
    iou: Estimate
    dice_mean: Estimate


@dataclass(frozen=True, slots=True)
class Located:
    """Found pixels against true ones, over images whose defects somebody drew; all bootstrapped.

    Attributes:
        images: how many images that is.
        by_kind: figures of each kind.
        mean_iou: mean of the pooled IoU of the kinds that the truth shows.
        pixel_accuracy: share of pixels whose set of kinds is exactly the true one.
        any_kind_dice: pooled, defect or not.
        any_kind_iou: pooled, defect or not.
        kaggle_dice: mean over images and kinds of Dice, where empty on empty counts 1.
        kaggle_dice_all_empty: what finding nothing anywhere gets of that.
        pixel_accuracy_all_empty: the share of pixels that finding nothing anywhere gets right.
    """

    images: int
    by_kind: Mapping[str, KindPixels]
    mean_iou: Estimate
    pixel_accuracy: Estimate
    any_kind_dice: Estimate
    any_kind_iou: Estimate
    kaggle_dice: Estimate
    kaggle_dice_all_empty: Estimate
    pixel_accuracy_all_empty: float | None

    def to_json(self) -> Json:
        """The contract's keys of ``locate``."""
        return {
            "images": self.images,
            "by_kind": {kind: asdict(pixels) for kind, pixels in self.by_kind.items()},
            "mean_iou": asdict(self.mean_iou),
            "pixel_accuracy": asdict(self.pixel_accuracy),
            "any_kind": {"dice": asdict(self.any_kind_dice), "iou": asdict(self.any_kind_iou)},
        }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How often the verdicts go wrong; Wilson's intervals.

    Attributes:
        escape_rate: defective parts that were accepted, of all defective ones.
        overkill_rate: good parts that were rejected, of all good ones.
        review_rate: parts sent to review, of all.
    """

    escape_rate: Estimate
    overkill_rate: Estimate
    review_rate: Estimate


@dataclass(frozen=True, slots=True)
class Trade:
    """Escapes against overkill if one threshold parted accept from reject.

    Three arrays of one length, thresholds ascending from 0 to 1: the share of defective parts
    that score under the threshold, and of good ones that reach it. A side without parts is NaN.
    The edges are the policy's.
    """

    thresholds: Floats
    escape_rate: Floats
    overkill_rate: Floats
    accept_below: float
    reject_above: float


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of images by truth (rows) and answer (columns)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A part that got the opposite verdict: id of its sample, score and verdict."""

    id: str
    score: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that comes of comparing truth with inspections.

    Attributes:
        images: how many were judged.
        unknown: how many were not, as nobody knows whether they are good.
        groups: how many groups the judged images fall into; these are what is resampled.
        any_kind: whether kinds were left out of it.
        screen: good or defective.
        kinds: each kind that the labellers looked for.
        locate: places.
        verdicts: rates of verdicts.
        verdict_table: good and defective parts by verdict.
        kind_table: images that show one kind or none by the likeliest kind that reaches its
            threshold; empty without kinds.
        trade: escapes against overkill.
        escapes: accepted defective parts, lowest score first, the worst of them.
        overkills: rejected good parts, highest score first, the worst of them.
    """

    images: int
    unknown: int
    groups: int
    any_kind: bool
    screen: Scores
    kinds: Mapping[str, Scores]
    locate: Located
    verdicts: Verdicts
    verdict_table: Table
    kind_table: Table
    trade: Trade
    escapes: tuple[Mistake, ...]
    overkills: tuple[Mistake, ...]

    def to_json(self) -> Json:
        """The contract of ``flawscope evaluate --json``: strict JSON, no NaN, keys never renamed.

        Estimates are ``{value, low, high, n}``. Where kinds were left out the keys are there, and
        empty. ``trivial`` holds what answers that look at no image would get.
        """
        return {
            "images": self.images,
            "unknown": self.unknown,
            "any_kind": self.any_kind,
            "intervals": {**INTERVALS, "groups": self.groups},
            "screen": self.screen.to_json(),
            "kinds": {
                kind: {**scores.to_json(), "support": scores.support}
                for kind, scores in self.kinds.items()
            },
            "locate": self.locate.to_json(),
            "kaggle_dice": asdict(self.locate.kaggle_dice),
            "kaggle_dice_all_empty": asdict(self.locate.kaggle_dice_all_empty),
            "verdicts": asdict(self.verdicts),
            "trivial": self._trivial(),
        }

    def _trivial(self) -> Json:
        rates = ("escape_rate", "overkill_rate", "review_rate")
        return {
            "screen_all_defective": dict(self.screen.trivial),
            "kinds_all_shown": {kind: dict(ones.trivial) for kind, ones in self.kinds.items()},
            "locate_all_empty": {
                "dice": 0.0,
                "iou": 0.0,
                "pixel_accuracy": self.locate.pixel_accuracy_all_empty,
            },
            "verdicts_all_accept": dict(zip(rates, (1.0, 0.0, 0.0), strict=True)),
            "verdicts_all_reject": dict(zip(rates, (0.0, 1.0, 0.0), strict=True)),
        }
