"""One tree of errors. Each says what happened, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class FlawscopeError(Exception):
    """Anything a user can cause and a user can cure; the command line exits with 2.

    Args:
        what: what is wrong, one sentence without a full stop.
        where: the file, key or option it is wrong in.
        remedy: what to do about it, as an imperative.
    """

    def __init__(
        self, what: str, *, where: str | Path | None = None, remedy: str | None = None
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        place = f"{self.where}: " if self.where else ""
        cure = f". {remedy}" if remedy else ""
        super().__init__(f"{place}{what}{cure}")


class ImageError(FlawscopeError):
    """An image file that cannot be read, or that is refused."""


class MaskError(FlawscopeError):
    """A mask, polygon or run length that does not describe pixels of its image."""


class DatasetError(FlawscopeError):
    """A dataset whose layout, labels or files do not fit together."""


class SplitError(DatasetError):
    """A split that is missing, leaks, or cannot be made."""


class ModelFileError(FlawscopeError):
    """A model file that is damaged, too new, or not to be trusted."""


class DownloadError(FlawscopeError):
    """A link that is not one to a model file, or a model file that could not be fetched from it."""


class EngineError(FlawscopeError):
    """An inference engine that is absent or that cannot run a model."""


class ResultsError(FlawscopeError):
    """A file of results that cannot be written, or that a run cannot go on with."""


class RecipeError(FlawscopeError):
    """A recipe or policy key that is unknown or has a value outside its range."""


class TrainingError(FlawscopeError):
    """A training run that cannot start, continue or finish."""


class EvaluationError(FlawscopeError):
    """Truth and inspections that cannot be compared."""


class ExplanationError(FlawscopeError):
    """A heatmap that cannot be made of this model in this way."""


class MissingExtraError(FlawscopeError):
    """A feature whose packages are not installed.

    Args:
        feature: what was asked for.
        extra: the name of flawscope's extra that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(
            f"{feature} needs packages that are not installed",
            remedy=f'Run: pip install "flawscope[{extra}]"',
        )

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.feature, self.extra)  # what it takes is not what it says
