"""How a set as large as Severstal's is read, checked and split, and how soon it is trained on.

    python benchmarks/severstal_scale.py [--images N] [--work DIR] [--steps N]

Writes strips of 1600 x 256 pixels in Kaggle's form (``train_images`` and ``train.csv``, with the
published shares of kinds and names of nine random hexadecimal digits), then runs ``data check``,
``data split`` and the first steps of ``train`` on them, each in a process of its own, and prints
seconds, CPU seconds (user and system, workers included) and peak memory of each as JSON. The
strips are kept in DIR, a new temporary folder unless named, and made once.

Rendering so many strips would take hours. Each is composed of two rendered sheets, cropped,
mirrored and blended under a light and a grain of its own, with rendered defects laid in.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from flawscope.data.runs import to_kaggle
from flawscope.files import folder_written_whole
from flawscope.masks import decode_at, encode
from flawscope.synth import SURFACES, render

HEIGHT, WIDTH = 256, 1600
PUBLISHED = 12_568
SHARES = {
    "": 0.4696,
    "1": 0.0612,
    "2": 0.0155,
    "3": 0.3757,
    "4": 0.0411,
    "34": 0.0225,
    "13": 0.0144,
}
"""Of the published images: none, one or two kinds."""

KINDS = {"1": "pit", "2": "crack", "3": "scratch", "4": "inclusion"}
SHEETS, PATCHES, GRAINS = 36, 10, 8

Floats = NDArray[np.float32]


class Patch(NamedTuple):
    """How a defect changes the light around it, and where it is."""

    gain: Floats
    mask: NDArray[np.uint8]


class Quarry:
    """What strips are composed of."""

    def __init__(self, seed: int) -> None:
        size = (HEIGHT + 128, WIDTH + 320)
        self.sheets = [
            cv2.cvtColor(
                render(seed + n, surface=SURFACES[n % len(SURFACES)], defects=(), size=size).image,
                cv2.COLOR_RGB2GRAY,
            ).astype(np.float32)
            for n in range(SHEETS)
        ]
        self.patches = {
            number: [p for n in range(PATCHES) if (p := _patch(seed + n, kind))]
            for number, kind in KINDS.items()
        }
        rng = np.random.default_rng([seed, 1])
        self.grains = [
            rng.normal(0.0, 3.0, (2 * HEIGHT, 2 * WIDTH)).astype(np.float32) for _ in range(GRAINS)
        ]


def _patch(seed: int, kind: str) -> Patch | None:
    """The first defect of a part that is rendered with it and without; ``None`` where none is seen."""
    plain, marked = (render(seed, surface="blasted", defects=found) for found in ((), (kind,)))
    if not marked.defects or marked.defects[0].mask is None:
        return None
    with_it, without = (part.image.astype(np.float32).mean(axis=2) + 1 for part in (marked, plain))
    box = marked.defects[0].box
    gain = cv2.GaussianBlur(with_it / without, (0, 0), 0.7)
    mask = decode_at(marked.defects[0].mask, box).astype(np.uint8)
    return Patch(gain[box.top : box.bottom, box.left : box.right].copy(), mask)


def strip(
    quarry: Quarry, shown: str, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """One strip, and the mask of each class that it shows."""
    one, other = (_crop(quarry.sheets[n], rng) for n in rng.choice(SHEETS, 2, replace=False))
    picture = cv2.addWeighted(
        one, share := float(rng.uniform(0.3, 0.7)), other, 1 - share, float(rng.uniform(-30, 30))
    )
    light = rng.uniform(0.75, 1.25, (3, 9)).astype(np.float32)
    picture *= cv2.resize(light, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    masks = {}
    for number in shown:
        masks[number] = np.zeros((HEIGHT, WIDTH), dtype=bool)
        for _ in range(int(rng.integers(1, 4))):
            _lay(picture, masks[number], quarry.patches[number], rng)
    picture += _crop(quarry.grains[rng.integers(GRAINS)], rng)
    grey = np.clip(picture, 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), masks


def _crop(sheet: Floats, rng: np.random.Generator) -> Floats:
    top, left = (
        int(rng.integers(have - want + 1))
        for have, want in zip(sheet.shape, (HEIGHT, WIDTH), strict=True)
    )
    crop = sheet[top : top + HEIGHT, left : left + WIDTH]
    return np.ascontiguousarray(crop[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])])


def _lay(
    picture: Floats, mask: NDArray[np.bool_], patches: list[Patch], rng: np.random.Generator
) -> None:
    gain, shape = patches[rng.integers(len(patches))]
    factor = min(float(rng.uniform(1.0, 3.0)), 240 / max(shape.shape))
    size = tuple(max(4, round(side * factor)) for side in shape.shape[::-1])
    gain, shape = cv2.resize(gain, size), cv2.resize(shape, size, interpolation=cv2.INTER_NEAREST)
    flips = np.s_[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    gain, shape = gain[flips], shape[flips]
    top, left = int(rng.integers(HEIGHT - size[1] + 1)), int(rng.integers(WIDTH - size[0] + 1))
    area = np.s_[top : top + size[1], left : left + size[0]]
    picture[area] *= gain
    mask[area] |= shape > 0


def write_set(root: Path, count: int, seed: int = 0) -> None:
    """The whole set, or nothing."""
    quarry, rng = Quarry(seed), np.random.default_rng([seed, 2])
    shares = np.array(list(SHARES.values()))
    with folder_written_whole(root) as beside:
        (beside / "train_images").mkdir()
        with (beside / "train.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("ImageId", "ClassId", "EncodedPixels"))
            for _ in range(count):
                picture, masks = strip(
                    quarry, str(rng.choice(list(SHARES), p=shares / shares.sum())), rng
                )
                name = f"{int(rng.integers(16**9)):09x}.jpg"
                _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
                (beside / "train_images" / name).write_bytes(data.tobytes())
                rows.writerows(
                    (name, number, to_kaggle(encode(mask)))
                    for number, mask in masks.items()
                    if mask.any()
                )


def measured(*arguments: str | Path, work: Path) -> dict[str, Any]:
    """Runs a command line; seconds by the clock, of CPU, and the largest process in MB."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=work, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, arguments))} ended with {process.returncode}")
    return {
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
        "said": json.loads(said),
    }


def first_steps(root: Path, split: Path, steps: int) -> dict[str, float]:
    """Trains for some steps in this process, then gives up; what it took until the first and last.

    ``together_mb`` is what the processes hold together, a page that they share counted once.
    """
    from flawscope.train import loop, train

    class EnoughError(Exception):
        pass

    began, at, held, beside = time.monotonic(), [], [], []
    this = psutil.Process()
    losses_of = loop.network_losses

    def counted(*arguments: Any) -> Any:
        at.append(time.monotonic() - began)
        beside.append(sum(one.memory_full_info().pss for one in this.children(recursive=True)))
        held.append(this.memory_full_info().pss + beside[-1])
        if len(at) > steps:
            raise EnoughError
        return losses_of(*arguments)

    loop.network_losses = counted
    with tempfile.TemporaryDirectory() as out, contextlib.suppress(EnoughError):
        train([root], Path(out) / "run", recipe="severstal", split_files=[split])
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "first_step_after": round(at[0], 1),
        "steps_took": round(at[-1] - at[0], 1),
        "own_mb": round(own),
        "worker_mb": round(max(beside) / 2**20),
        "together_mb": round(max(held) / 2**20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=PUBLISHED)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--only", choices=("write", "check", "split", "train"))
    parser.add_argument("--first-steps", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_steps:
        print(json.dumps(first_steps(*options.first_steps, options.steps)))
        return
    work = options.work or Path(tempfile.mkdtemp(prefix="severstal-scale-"))
    root = (work / f"strips-{options.images}").resolve()
    split = work.resolve() / f"{root.name}.split.json"
    if not root.exists():
        write_set(root, options.images)
    if options.only in (None, "split"):
        split.unlink(missing_ok=True)
    commands = {
        "check": ("-m", "flawscope", "data", "check", root, "--json"),
        "split": ("-m", "flawscope", "data", "split", root, "--json"),
        "train": (
            Path(__file__).resolve(),
            "--first-steps",
            root,
            split,
            "--steps",
            str(options.steps),
        ),
    }
    for name, command in commands.items():
        if options.only in (None, name):
            print(
                json.dumps(
                    {"images": options.images, "command": name, **measured(*command, work=work)}
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
