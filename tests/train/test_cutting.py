"""Crops are cut by a second process: in order, as they would be here, and without PyTorch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

pytest.importorskip("torch")

from train_parts import KINDS, SMALL, lesson, photograph, sample, tiny

from flawscope.errors import ImageError, TrainingError
from flawscope.train.crops import Crops
from flawscope.train.cutting import cut, cutting
from flawscope.values import Label

pytestmark = pytest.mark.train


@pytest.fixture
def crops(tmp_path: Path) -> Crops:
    image = photograph(tmp_path / "part.png", size=SMALL)
    return Crops(
        [lesson(sample(Label.GOOD, (), image=image))], KINDS, tiny("crops.size=256")
    )  # a pipe holds a fraction of a batch


def workers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]


def test_a_second_process_cuts_the_same_crops_in_order(crops: Crops) -> None:
    numbers = [range(start, start + 2) for start in range(0, 20, 2)]
    with cutting(crops, numbers) as batches:
        found = list(batches)
    assert len(found) == 10
    for here, there in zip((cut(crops, one) for one in numbers), found, strict=True):
        for mine, theirs in zip(here, there, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_picture_that_goes_missing_is_named(crops: Crops) -> None:
    image = crops.lessons[0].sample.image
    image.unlink()
    with cutting(crops, [range(2)]) as batches, pytest.raises(ImageError, match=image.name):
        next(batches)


def test_a_process_that_is_killed_ends_training_with_a_reason(crops: Crops) -> None:
    before = {one.pid for one in workers()}
    with cutting(crops, [range(2)] * 10_000) as batches:
        next(batches)
        (worker,) = (one for one in workers() if one.pid not in before)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(TrainingError, match=r"died .exit code -9.*memory"):
            list(batches)


def test_who_stops_asking_leaves_no_process(crops: Crops) -> None:
    before = {one.pid for one in workers()}
    with cutting(crops, [range(2)] * 10_000) as batches:
        assert len(list(islice(batches, 3))) == 3
    assert {one.pid for one in workers()} <= before


def test_a_process_whose_learner_was_killed_ends_by_itself(tmp_path: Path) -> None:
    image = photograph(tmp_path / "part.png", size=SMALL)
    script = tmp_path / "learner.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from train_parts import KINDS, lesson, sample, tiny\n"
        "from flawscope.train.crops import Crops\n"
        "from flawscope.train.cutting import cutting\n"
        "from flawscope.values import Label\n"
        "if __name__ == '__main__':\n"
        f"    part = sample(Label.GOOD, (), image=Path({str(image)!r}))\n"
        "    crops = Crops([lesson(part)], KINDS, tiny())\n"
        "    with cutting(crops, [range(2)] * 10_000) as batches:\n"
        "        next(batches)\n"
        "        print(os.getpid(), flush=True)\n"
        "        sys.stdin.read()\n",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as learner:
        assert learner.stdout is not None
        learner.stdout.readline()
        started = psutil.Process(learner.pid).children()
        assert started
        learner.kill()
    _until(lambda: not any(alive(one) for one in started))


def test_cutting_brings_in_no_pytorch() -> None:
    code = "import sys, flawscope.train.cutting; print([m for m in sys.modules if 'torch' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout.strip() == "[]"


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
