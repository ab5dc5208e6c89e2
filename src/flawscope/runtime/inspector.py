"""A model file that looks at images."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import Bundle, cache_folder, shipped_model
from flawscope.errors import EngineError, FlawscopeError, ImageError
from flawscope.images import open_image
from flawscope.runtime.cascade import Cascade
from flawscope.runtime.choices import AUTO, choose
from flawscope.runtime.defects import find_defects
from flawscope.runtime.engines import batch_streams, fitting_threads
from flawscope.runtime.overlap import always, in_order
from flawscope.runtime.running import Running
from flawscope.runtime.shelf import Shelf
from flawscope.runtime.view import Clock
from flawscope.runtime.words import reasons
from flawscope.values import Choice, Inspection, Manifest, Precision, Size

Image = NDArray[np.uint8]

_SPARE = 1
"""Images that are opened, or whose defects are outlined, while every stream computes."""

_WAITING = 2
"""Images that have been inspected before an earlier one was, at most."""


@dataclass(frozen=True, slots=True)
class Examination:
    """An inspection with what it was made from.

    Attributes:
        inspection: the answer.
        image: RGB uint8 (height, width, 3).
        heat: float32 (height, width), the highest probability of any defect at each pixel;
            ``None`` where nothing was to be located.
        asked_again: tiles of which a stage was run again in float32; see ``Guard``.
    """

    inspection: Inspection
    image: Image
    heat: NDArray[np.float32] | None
    asked_again: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """An image of a batch that could not be inspected, and why."""

    path: Path
    error: FlawscopeError


class Inspector:
    """Inspects images with one model; make one with ``Inspector.load``, use it from any thread.

    Attributes:
        manifest: of the model.
        digest: sha256 of the model file; every inspection carries it.
        choice: the engine and the precision of each stage that it runs with.
        threads: how many the engine computes with.
        streams: how many images at a time share them.
        notes: what there is to say of the choice, such as that another precision was asked for.
    """

    def __init__(
        self,
        bundle: Bundle,
        choice: Choice,
        threads: int,
        streams: int = 1,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.manifest: Manifest = bundle.manifest
        self.digest = bundle.digest
        self.choice = choice
        self.threads = threads
        self.streams = streams
        self.notes = notes
        shelf = Shelf(cache_folder() / "compiled")
        running = Running(self.manifest, bundle.read, choice, threads, streams, shelf)
        self._cascade = Cascade(self.manifest, running.graphs(), running.guard())
        self._free_streams = threading.BoundedSemaphore(streams)

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        *,
        engine: str | None = None,
        threads: int | None = None,
        streams: int | None = 1,
        precision: str = AUTO,
    ) -> Inspector:
        """Opens a model file and makes it ready.

        Args:
            model: the file; without one, the model that ships in the package.
            engine: ``openvino`` or ``onnxruntime``; without one, the faster of those installed,
                by a short measurement that is remembered.
            threads: for the engine to compute with; without one, every core it may use.
            streams: how many images at a time share the threads; never more than these. One gives
                the soonest answer; more, the most images a second from ``inspect_many``, as many
                as suit this machine with ``None``. The answers are the same.
            precision: ``float32``, ``bfloat16`` or ``int8``; ``auto`` measures those that the
                model's certificate covers and this machine computes. One that cannot be had is
                replaced by float32, as ``notes`` then say.

        Raises:
            ModelFileError: the file is refused.
            EngineError: the engine or precision is unknown, the engine is absent, or it cannot
                run the model.
        """
        bundle = Bundle.open(model or shipped_model())
        threads = fitting_threads(threads)
        streams = batch_streams(threads) if streams is None else min(streams, threads)
        if streams < 1:
            raise EngineError(f"{streams} streams let nothing through", remedy="Give 1 or more")
        choice, notes = choose(bundle, threads, engine=engine, precision=precision)
        return cls(bundle, choice, threads, streams, notes)

    @property
    def engine(self) -> str:
        """Name of the engine it runs on."""
        return self.choice.engine

    @property
    def precisions(self) -> Mapping[str, Precision]:
        """What each stage is computed in, by its name."""
        return self.choice.precisions

    def inspect(
        self,
        image: Image | str | Path,
        *,
        id: str | None = None,  # noqa: A002 - the field it fills is called so
        mm_per_pixel: float | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> Inspection:
        """What the model says of one image; arguments and errors as for ``examine``."""
        found = self.examine(image, id=id, mm_per_pixel=mm_per_pixel, value_range=value_range)
        return found.inspection

    def examine(
        self,
        image: Image | str | Path,
        *,
        id: str | None = None,  # noqa: A002 - the field it fills is called so
        mm_per_pixel: float | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> Examination:
        """What the model says of one image, with the image and the probability map.

        Args:
            image: a file, or RGB uint8 (height, width, 3) of any size.
            id: names the image in the inspection; by default the path as it was given.
            mm_per_pixel: scale of the image, for lengths in words.
            value_range: for files of 16-bit or floating-point images, as for ``open_image``.

        Raises:
            ImageError: the file cannot be read, or the array is no such image.
            EngineError: the engine fails.
        """
        _refuse_scale(mm_per_pixel)
        clock = Clock()
        if isinstance(image, np.ndarray):
            pixels, name = _checked(image), id or ""
        else:
            with clock.timing("open"):
                pixels = open_image(image, value_range=value_range)
            name = id or Path(image).as_posix()
        return self._examine(pixels, name, mm_per_pixel, clock)

    def probabilities(
        self, image: Image, *, kinds: bool = True
    ) -> tuple[float, Mapping[str, float]]:
        """The screen's answer, and the probability by kind, of an image that is not to be judged.

        Nothing is located and no policy bears on it, so there is no second look and nothing is
        turned: the kinds are asked for however low the answer is.

        Args:
            image: RGB uint8 (height, width, 3) of any size.
            kinds: without them the second of the two may be all 0.0.

        Raises:
            ImageError, EngineError: as for ``examine``.
        """
        with self._free_streams:
            answer = self._cascade.weigh(_checked(image), kinds=kinds)
        return answer.score, answer.kinds

    def inspect_many(
        self,
        paths: Iterable[str | Path],
        *,
        root: Path | None = None,
        mm_per_pixel: float | None = None,
        value_range: tuple[float, float] | None = None,
        ready: Callable[[], bool] = always,
    ) -> Iterator[Examination | Failure]:
        """Examines image files in order, several at once.

        While the streams compute, further images are opened and those that are done outlined. An
        image that cannot be inspected becomes a ``Failure`` and the rest goes on. Memory does not
        grow with the number of files.

        Args:
            paths: the files; taken as they are needed, so they may be endless.
            root: ids are relative to it; by default they are the paths as given.
            mm_per_pixel: scale of the images.
            value_range: as for ``examine``.
            ready: whether the next path can be had without waiting for it; as long as it cannot,
                no result is held back.

        Raises:
            EngineError: the engine fails, and so it does for any other image.
        """
        _refuse_scale(mm_per_pixel)

        def examined(path: str | Path) -> Examination | Failure:
            path = Path(path)
            name = (path.relative_to(root) if root else path).as_posix()
            try:
                return self.examine(
                    path, id=name, mm_per_pixel=mm_per_pixel, value_range=value_range
                )
            except (ImageError, EngineError) as error:
                return Failure(path, error)
            except MemoryError:
                return Failure(path, _too_large(path))

        workers = self.streams + _SPARE
        with closing(
            in_order(examined, paths, workers=workers, ahead=workers + _WAITING, ready=ready)
        ) as results:
            for result in results:
                if isinstance(result, Failure) and isinstance(result.error, EngineError):
                    result = Failure(result.path, self._of_one_image(result.path, result.error))
                yield result

    def _of_one_image(self, path: Path, error: EngineError) -> EngineError:
        """The engine's error, if it comes of this image; raises it if any other would have it."""
        side = self.manifest.input.multiple
        try:
            self.probabilities(np.zeros((side, side, 3), dtype=np.uint8))
        except EngineError:
            raise error from None
        return EngineError(error.what, where=path, remedy=error.remedy)

    def _examine(
        self, pixels: Image, name: str, mm_per_pixel: float | None, clock: Clock
    ) -> Examination:
        policy = self.manifest.policy
        size = Size(*pixels.shape[:2])
        with self._free_streams:
            answer = self._cascade.ask(pixels, clock)
        with clock.timing("defects"):
            defects, heat = find_defects(answer, policy)
            why = reasons(answer.score, answer.kinds, defects, policy, size, mm_per_pixel)
        inspection = Inspection(
            id=name,
            size=size,
            verdict=policy.verdict(answer.score),
            score=answer.score,
            kinds=answer.kinds,
            defects=defects,
            reasons=why,
            model=self.digest,
            seconds=clock.seconds,
        )
        return Examination(inspection, pixels, heat, answer.asked_again)


def _too_large(path: Path) -> ImageError:
    return ImageError(
        "there is not enough memory to inspect it",
        where=path,
        remedy="Cut it up, or close programs",
    )


def _checked(image: Image) -> Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(
            f"an array of {image.dtype} {image.shape} is not an image",
            remedy="Give RGB uint8 of shape (height, width, 3)",
        )
    return image


def _refuse_scale(mm_per_pixel: float | None) -> None:
    if mm_per_pixel is not None and not 0 < mm_per_pixel < float("inf"):
        raise ImageError(
            f"{mm_per_pixel} millimetres a pixel is no scale",
            where="mm_per_pixel",
            remedy="Give a number over 0",
        )
