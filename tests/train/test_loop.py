"""The loop: equal runs, exact resumption, budgets and plateaus."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from train_parts import in_one_process, tiny  # noqa: E402

from flawscope.data import apply_split, read, split  # noqa: E402
from flawscope.errors import TrainingError  # noqa: E402
from flawscope.nets import SharedCascade, freeze  # noqa: E402
from flawscope.train import loop  # noqa: E402
from flawscope.train.checkpoint import Progress  # noqa: E402
from flawscope.train.recipe import Freeze, Recipe, ScheduleRecipe, UntilEpoch  # noqa: E402
from flawscope.train.supervision import Curriculum, plan  # noqa: E402
from flawscope.train.validating import Validation  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]


@pytest.fixture(scope="module")
def curriculum(masked: Path) -> Curriculum:
    data = read(masked)
    return plan([apply_split(data, split(data))], tiny())


def built(curriculum: Curriculum, recipe: Recipe) -> SharedCascade:
    torch.manual_seed(recipe.seed)
    cascade = SharedCascade(
        len(curriculum.kinds),
        encoder=recipe.encoder.name,
        decoder_channels=recipe.decoder.channels,
    )
    freeze(cascade.get_submodule("encoder"), recipe.encoder.frozen)
    return cascade


def fitted(
    curriculum: Curriculum, folder: Path, recipe: Recipe | None = None, **options: object
) -> tuple[str, Progress]:
    """Digest of the weights that a run ends with, and how far it went."""
    recipe = recipe or tiny()
    folder.mkdir(exist_ok=True)
    cascade = built(curriculum, recipe)
    progress = loop.fit(cascade, curriculum, recipe, folder, **options)
    return digest(cascade), progress


def digest(cascade: SharedCascade) -> str:
    found = hashlib.sha256()
    for tensor in cascade.state_dict().values():
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def whole(curriculum: Curriculum, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An uninterrupted run: the digest of its weights, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return fitted(curriculum, folder)[0], folder


def rows(folder: Path) -> list[dict[str, float]]:
    """What was logged, without what a clock decides."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{**json.loads(line), "minutes": 0} for line in lines]


def test_two_runs_of_one_seed_are_equal(
    curriculum: Curriculum, whole: tuple[str, Path], tmp_path: Path
) -> None:
    assert fitted(curriculum, tmp_path)[0] == whole[0]
    assert rows(tmp_path) == rows(whole[1])


def test_another_seed_gives_another_network(
    curriculum: Curriculum, whole: tuple[str, Path], tmp_path: Path
) -> None:
    assert fitted(curriculum, tmp_path, tiny("seed=1"))[0] != whole[0]


class PowerCutError(Exception):
    """After it nothing is saved any more."""


def killing(step: int) -> Callable[..., object]:
    """Losses until a step is reached."""
    steps = count()
    losses = loop.network_losses

    def until(*arguments: object) -> object:
        if next(steps) == step:
            raise PowerCutError
        return losses(*arguments)

    return until


@pytest.mark.parametrize("steps", [1, 3])
def test_a_killed_run_goes_on_to_the_same_weights(
    curriculum: Curriculum,
    whole: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    """Killed before its first checkpoint, and between two."""
    with monkeypatch.context() as patch:
        patch.setattr(loop, "network_losses", killing(steps))
        with pytest.raises(PowerCutError):
            fitted(curriculum, tmp_path)
    assert (tmp_path / "last.pt").exists() == (steps == 3)
    found, progress = fitted(curriculum, tmp_path, resume=True)
    assert found == whole[0]
    assert progress.step == 4
    assert rows(tmp_path) == rows(whole[1])


def struck_down(curriculum: Curriculum, folder: Path, number: signal.Signals) -> None:
    """Trains with a signal in the first step; for a process of its own."""

    class Stopped(BaseException):
        """What the process does on the signal outside training."""

    def stop(*_arguments: object) -> None:
        raise Stopped

    losses = loop.network_losses

    def struck(*arguments: object) -> object:
        if (found := next(steps)) == 0:
            signal.raise_signal(number)
        assert found == 0, "the run went on"
        return losses(*arguments)

    steps = count()
    signal.signal(number, stop)
    with in_one_process() as patch:
        patch.setattr(loop, "network_losses", struck)
        with pytest.raises(Stopped):
            fitted(curriculum, folder)
    assert signal.getsignal(number) is stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_at_hand_and_then_takes_effect(
    curriculum: Curriculum, whole: tuple[str, Path], tmp_path: Path, number: signal.Signals
) -> None:
    """In a process of its own: a worker of the parallel test run would end on the signal."""
    one = get_context("spawn").Process(target=struck_down, args=(curriculum, tmp_path, number))
    one.start()
    one.join()
    assert one.exitcode == 0
    assert torch.load(tmp_path / "last.pt", weights_only=True)["progress"]["step"] == 1
    assert fitted(curriculum, tmp_path, resume=True)[0] == whole[0]


def fitted_on_a_full_disk(curriculum: Curriculum, folder: Path) -> None:
    """Trains until no more than the first checkpoint fits; for a process of its own."""
    import resource

    save = loop.save_last

    def filling(*arguments: object) -> None:
        save(*arguments)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "last.pt").stat().st_size // 2,) * 2)

    with in_one_process() as patch:
        patch.setattr(loop, "save_last", filling)
        with pytest.raises(TrainingError, match=r"cannot be written.*--resume"):
            fitted(curriculum, folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows sets no limit on a file's size")
def test_a_disk_that_fills_leaves_the_last_good_checkpoint(
    curriculum: Curriculum, whole: tuple[str, Path], tmp_path: Path
) -> None:
    arguments = (curriculum, tmp_path)
    one = get_context("spawn").Process(target=fitted_on_a_full_disk, args=arguments)
    one.start()
    one.join()
    assert one.exitcode == 0
    assert torch.load(tmp_path / "last.pt", weights_only=True)["progress"]["step"] == 2
    assert not list(tmp_path.glob(".partial-*"))
    assert fitted(curriculum, tmp_path, resume=True)[0] == whole[0]
    assert rows(tmp_path) == rows(whole[1])


def test_a_finished_run_resumes_to_what_it_was(
    curriculum: Curriculum, whole: tuple[str, Path]
) -> None:
    found, progress = fitted(curriculum, whole[1], resume=True)
    assert found == whole[0]
    assert progress.done


def test_a_damaged_checkpoint_is_refused_by_name(curriculum: Curriculum, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TrainingError, match="damaged") as caught:
        fitted(curriculum, tmp_path, resume=True)
    assert str(caught.value.where).endswith("last.pt")


def test_a_checkpoint_for_other_kinds_is_refused(
    curriculum: Curriculum, whole: tuple[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes((whole[1] / "last.pt").read_bytes())
    other = Curriculum((*curriculum.kinds, "stain"), curriculum.lessons)
    with pytest.raises(TrainingError, match="other kinds"):
        fitted(other, tmp_path, resume=True)


def test_frozen_weights_stay_as_they_were(whole: tuple[str, Path], curriculum: Curriculum) -> None:
    start = built(curriculum, tiny())
    kept = {name for name, weight in start.named_parameters() if not weight.requires_grad}
    best = torch.load(whole[1] / "best.pt", weights_only=True)
    changed = {
        name for name, weight in start.named_parameters() if not torch.equal(weight, best[name])
    }
    assert kept
    assert not kept & changed
    assert any(name.startswith("encoder.") for name in changed)
    assert "head.evidence.weight" in changed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which a second passes whenever it is looked at."""
    seconds = count()
    fake = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(loop, "time", fake)


def validated(monkeypatch: pytest.MonkeyPatch, *scores: float) -> list[int]:
    """Validations that give these scores, the last one again and again; counts them."""
    calls: list[int] = []

    def validate(*_arguments: object) -> Validation:
        calls.append(len(calls))
        score = scores[min(len(calls), len(scores)) - 1]
        return Validation(score, {"any_dice": score})

    monkeypatch.setattr(loop, "validate", validate)
    return calls


@pytest.mark.usefixtures("clock")
def test_the_schedule_fits_into_a_budget_of_minutes(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = validated(monkeypatch, 0.1, 0.2, 0.3, 0.4)
    recipe = tiny(
        "schedule.minutes=0.2",
        "schedule.steps=100000",
        "schedule.validate_every=0",
        "schedule.validations=3",
        "crops.size=64",
    )
    _, progress = fitted(curriculum, tmp_path, recipe)
    assert progress.done
    # The last step and its validation look at the clock twice.
    assert 0.9 * 12 <= progress.seconds <= 12 + 2
    assert 2 <= len(calls) <= 3
    rates = [row["learning_rate"] for row in rows(tmp_path) if "learning_rate" in row]
    assert all(rate <= 2e-3 for rate in rates)


@pytest.mark.usefixtures("clock")
def test_time_spent_preparing_counts(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(monkeypatch, 0.1)
    recipe = tiny("schedule.minutes=0.2", "schedule.steps=100000", "schedule.validate_every=100")
    _, progress = fitted(curriculum, tmp_path, recipe, spent=9.0)
    assert progress.step <= 3
    assert progress.seconds <= 13


def test_training_ends_on_a_plateau_with_the_best_weights(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = validated(monkeypatch, 0.5, 0.4, 0.3)
    recipe = tiny("schedule.steps=50", "schedule.validate_every=1", "schedule.patience=2")
    found, progress = fitted(curriculum, tmp_path, recipe)
    assert (progress.step, progress.best, len(calls)) == (3, 0.5, 3)
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    last = torch.load(tmp_path / "last.pt", weights_only=True)["average"]
    assert not torch.equal(best["head.evidence.bias"], last["head.evidence.bias"])
    cascade = built(curriculum, recipe)
    cascade.load_state_dict(best)
    assert digest(cascade) == found


def test_of_equal_scores_the_later_weights_are_kept(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(monkeypatch, 0.5)
    recipe = tiny("schedule.steps=50", "schedule.validate_every=1", "schedule.patience=1")
    _, progress = fitted(curriculum, tmp_path, recipe)
    assert progress.step == 2
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    last = torch.load(tmp_path / "last.pt", weights_only=True)["average"]
    assert all(torch.equal(best[name], last[name]) for name in best)


def test_the_rate_rises_and_then_falls() -> None:
    rates = [loop._rate(share / 100, ScheduleRecipe()) for share in range(101)]
    assert rates.index(max(rates)) == 5
    assert max(rates) == pytest.approx(1.0)
    assert rates[:6] == sorted(rates[:6])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert 0 < rates[-1] < 0.02


def test_on_a_plateau_the_rate_is_reduced(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(monkeypatch, 0.5, 0.4, 0.3, 0.2)
    monkeypatch.setattr(loop, "_LOG_EVERY", 1)
    recipe = tiny(
        "schedule.steps=8",
        "schedule.validate_every=1",
        "schedule.rate=plateau",
        "schedule.reduce_after=2",
        "schedule.reduce_to=0.5",
        "schedule.warm_up=0",
    )
    fitted(curriculum, tmp_path, recipe)
    rates = [row["learning_rate"] for row in rows(tmp_path) if "learning_rate" in row]
    assert rates == pytest.approx([2e-3] * 3 + [1e-3] * 2 + [5e-4] * 2 + [2.5e-4])


ONE_EPOCH = UntilEpoch(until_epoch=1)


@pytest.mark.parametrize(
    ("freeze", "steps", "moves"),
    [
        ("encoder", 2, False),
        (UntilEpoch(until_epoch=1), 8, False),
        (UntilEpoch(until_epoch=1), 9, True),
    ],
)
def test_a_resting_encoder_keeps_weights_and_statistics(
    curriculum: Curriculum, tmp_path: Path, freeze: Freeze, steps: int, moves: bool
) -> None:
    """Sixteen parts by two a step: an epoch is eight steps."""
    recipe = tiny(f"schedule.steps={steps}", "schedule.validate_every=100", "encoder.frozen=0")
    assert len(curriculum.lessons["train"]) in (15, 16)
    start = {
        name: tensor.clone() for name, tensor in built(curriculum, recipe).state_dict().items()
    }
    fitted(curriculum, tmp_path, recipe, freeze=freeze)
    found = torch.load(tmp_path / "last.pt", weights_only=True)["cascade"]
    moved = {name for name in start if not torch.equal(found[name], start[name])}
    assert any(name.startswith("head.") for name in moved)
    assert any(name.startswith("encoder.") for name in moved) == moves
