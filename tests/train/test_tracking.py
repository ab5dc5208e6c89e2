"""Trackers: the real clients are told everything, and none can slow a run down or stop it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import struct
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from train_parts import TINY, lesson, sample, tiny  # noqa: E402

from flawscope.data import apply_split, read, split  # noqa: E402
from flawscope.errors import MissingExtraError, TrainingError  # noqa: E402
from flawscope.nets import SharedCascade, freeze  # noqa: E402
from flawscope.train import TrainedModel, loop, tracking, train  # noqa: E402
from flawscope.train.checkpoint import Progress  # noqa: E402
from flawscope.train.examples import Examples, _chosen  # noqa: E402
from flawscope.train.journal import Journal  # noqa: E402
from flawscope.train.supervision import Curriculum, plan  # noqa: E402
from flawscope.values import Label  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]

INSTALLED = [name for name in tracking.tracker_process.OPENERS if find_spec(name)]
FOREIGN = ("WANDB_", "MLFLOW_", "TRACKIO_")


@pytest.fixture(scope="module", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """No keys, servers or settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(FOREIGN):
                patch.delenv(name)
        patch.setenv("NETRC", str(tmp_path_factory.mktemp("home") / "netrc"))
        yield patch


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real clients start slowly on a busy machine."""
    monkeypatch.setattr(tracking, "_PATIENCE", 300.0)


@pytest.fixture(scope="module")
def run(masked: Path, tmp_path_factory: pytest.TempPathFactory, one_process: None) -> TrainedModel:
    """A run that every installed tracker followed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracking, "_PATIENCE", 300.0)
        out = tmp_path_factory.mktemp("runs") / "run"
        return train([masked], out, settings=TINY, track=INSTALLED)


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def by_step(rows: list[dict[str, float]]) -> dict[int, dict[str, float]]:
    """Figures by step; of a name that two rows of one step have, the later."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        found.setdefault(int(row["step"]), {}).update(row)
    return {step: {k: v for k, v in row.items() if k != "step"} for step, row in found.items()}


def validated(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [row for row in rows if "score" in row]


def the_note(found: TrainedModel, name: str) -> str:
    (note,) = (note for note in found.notes if note.startswith(f"{name}: "))
    return note


def wandb_records(folder: Path) -> list[Any]:
    """Records of an offline run's file: a log of LevelDB's, under a header of seven bytes."""
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    (path,) = folder.glob("run-*.wandb")
    data, place, whole, found = path.read_bytes(), 7, b"", []
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, part = struct.unpack("<IHB", data[place : place + 7])
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if part in (1, 4):  # a record that is whole, or the last part of one
            found.append(messages.Record.FromString(whole))
            whole = b""
    return found


def wandb_history(folder: Path) -> dict[int, dict[str, Any]]:
    rows = {}
    for record in wandb_records(folder):
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            row = {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in items}
            rows[row["_step"]] = row
    return rows


def test_wandb_keeps_the_run_offline_and_says_how_to_send_it(run: TrainedModel) -> None:
    pytest.importorskip("wandb")
    kept = run.model.parent / "track" / "wandb"
    (folder,) = kept.glob("wandb/offline-run-*")
    history = wandb_history(folder)
    for step, row in by_step(logged(run.model.parent)).items():
        assert {name: history[step][name] for name in row} == pytest.approx(row)
        for number in range(1, 5) if "score" in row else ():
            picture = folder / "files" / history[step][f"example/{number}/path"]
            assert picture.read_bytes().startswith(b"\x89PNG")
    (record,) = (r.run for r in wandb_records(folder) if r.WhichOneof("record_type") == "run")
    told = {one.key or one.nested_key[0]: one.value_json for one in record.config.update}
    assert told["crops.size"] == "64"
    assert record.host == "-"
    assert f"wandb sync {kept}/wandb/offline-run-*-{record.run_id}" in the_note(run, "wandb")


def tensorboard_events(folder: Path) -> Any:
    """Without its sampling, which is for the eye."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = events.EventAccumulator(str(folder), {"scalars": 0, "images": 0})
    return found.Reload()


def test_tensorboard_has_every_row_and_picture(run: TrainedModel) -> None:
    found = tensorboard_events(run.model.parent / "track" / "tensorboard")
    rows = by_step(logged(run.model.parent))
    for name in {name for row in rows.values() for name in row}:
        told = {event.step: event.value for event in found.Scalars(name)}
        assert told == pytest.approx({s: row[name] for s, row in rows.items() if name in row})
    for number in range(1, 5):
        pictures = found.Images(f"example/{number}")
        assert [one.step for one in pictures] == [s for s, row in rows.items() if "score" in row]
        size = Image.open(io.BytesIO(pictures[0].encoded_image_string)).size
        assert size == (pictures[0].width, pictures[0].height)


@pytest.mark.filterwarnings("ignore::FutureWarning:mlflow")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlflow_has_every_row_and_picture(
    run: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    client = mlflow.MlflowClient((run.model.parent / "track" / "mlflow").as_uri())
    home = client.get_experiment_by_name("flawscope").experiment_id
    (kept,) = client.search_runs([home])
    rows = by_step(logged(run.model.parent))
    for name in rows[4]:
        told = {one.step: one.value for one in client.get_metric_history(kept.info.run_id, name)}
        assert told == pytest.approx({s: row[name] for s, row in rows.items() if name in row})
    assert kept.info.status == "FINISHED"
    assert kept.data.params["crops.size"] == "64"
    pictures = [one.path for one in client.list_artifacts(kept.info.run_id, "images")]
    assert sum(path.endswith(".png") for path in pictures) == 4 * len(
        validated(list(rows.values()))
    )
    assert kept.info.run_id in the_note(run, "mlflow")


def test_trackio_has_every_row_and_picture(run: TrainedModel) -> None:
    pytest.importorskip("trackio")
    folder = run.model.parent / "track" / "trackio"
    with sqlite3.connect(folder / "flawscope.db") as database:
        told = [json.loads(text) for (text,) in database.execute("SELECT metrics FROM metrics")]
    database.close()
    rows = validated(logged(run.model.parent))
    assert validated(told) == [{k: v for k, v in row.items() if k != "step"} for row in rows]
    assert len(list(folder.rglob("*.png"))) == 4 * len(rows)


def test_a_finished_run_has_nothing_more_to_tell(run: TrainedModel, masked: Path) -> None:
    """Resumed with the same recipe: what is tracked is no part of it."""
    pytest.importorskip("tensorboard")
    folder = run.model.parent / "track" / "tensorboard"
    memory = folder.with_suffix(".json").read_text()
    before = tensorboard_events(folder).Scalars("score")
    fitted(planned(masked), run.model.parent, "tensorboard", resume=True)
    assert folder.with_suffix(".json").read_text() == memory
    assert [one.step for one in tensorboard_events(folder).Scalars("score")] == [
        one.step for one in before
    ]


def planned(masked: Path) -> Curriculum:
    data = read(masked)
    return plan([apply_split(data, split(data))], tiny())


def followed(folder: Path, names: list[str], kept: list[dict[str, float]], *steps: int) -> None:
    """A journal that had rows and logs one at each step."""
    with tracking.tracking(names, folder, tiny(), "a run") as trackers:
        journal = Journal(folder, kept)
        journal.tell(trackers, [], ())
        for step in steps:
            journal.log(Progress(step=step), loss=1.0 / step)
        journal.close()
    assert not [note for note in trackers.notes if "sends the rest" in note]


@pytest.mark.usefixtures("patience")
def test_resuming_goes_on_in_the_same_run(tmp_path: Path) -> None:
    """What was told after the checkpoint is not told twice."""
    names = [name for name in ("tensorboard", "wandb") if name in INSTALLED]
    rows: list[dict[str, float]] = []
    followed(tmp_path, names, rows, 20, 40, 60)
    followed(tmp_path, names, rows[:2], 60, 80)
    if "tensorboard" in names:
        told = tensorboard_events(tmp_path / "track" / "tensorboard").Scalars("loss")
        assert [one.step for one in told] == [20, 40, 60, 80]
    if "wandb" in names:
        first, second = sorted((tmp_path / "track" / "wandb" / "wandb").glob("offline-run-*"))
        assert first.name.rpartition("-")[2] == second.name.rpartition("-")[2]
        assert [*wandb_history(first), *wandb_history(second)] == [20, 40, 60, 80]


def test_curves_refresh_themselves_while_a_run_goes_on_and_no_longer(tmp_path: Path) -> None:
    refreshes = 'http-equiv="refresh"'
    journal = Journal(tmp_path, [])
    journal.log(Progress(step=20), loss=0.5)
    assert refreshes in (tmp_path / "curves.html").read_text("utf-8")
    journal.close()
    assert refreshes not in (tmp_path / "curves.html").read_text("utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_figures_that_have_no_room_name_the_run_and_the_way_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, [])
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"No space left on device.*--resume") as caught:
        journal.log(Progress(step=20), loss=0.5)
    assert caught.value.where == str(tmp_path)


@pytest.mark.usefixtures("patience")
def test_a_tracker_that_comes_later_is_told_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is more than the queue holds."""
    pytest.importorskip("tensorboard")
    monkeypatch.setattr(tracking, "_LONGEST_QUEUE", 5)
    rows: list[dict[str, float]] = []
    followed(tmp_path, [], rows, *range(20, 420, 20))
    followed(tmp_path, ["tensorboard"], rows, 420)
    told = tensorboard_events(tmp_path / "track" / "tensorboard").Scalars("loss")
    assert [one.step for one in told] == list(range(20, 440, 20))


HANGS = """
import time
class Run:
    def log(self, *_arguments, **_options): time.sleep(600)
    def finish(self): pass
def init(**_options): return Run()
def Image(picture): return picture
"""
RAISES = """
class Error(Exception): pass
class Settings:
    base_url = "http://127.0.0.1:9"
    mode = "offline"
    def __init__(self, **_options): pass
class Run:
    settings = Settings()
    finish = None
    def log(self, *_arguments, **_options): raise RuntimeError("the disk is full\\nand more")
def init(**_options): return Run()
def Image(picture, **_options): return picture
"""


def digest(cascade: SharedCascade) -> str:
    found = hashlib.sha256()
    for tensor in cascade.state_dict().values():
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


def fitted(
    curriculum: Curriculum, folder: Path, *names: str, resume: bool = False
) -> tuple[str, float, list[str]]:
    """Digest of the weights, seconds of the loop, and notes of trackers."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    recipe = tiny()
    cascade = SharedCascade(
        2, encoder=recipe.encoder.name, decoder_channels=recipe.decoder.channels
    )
    freeze(cascade.get_submodule("encoder"), recipe.encoder.frozen)
    with tracking.tracking(names, folder, recipe, folder.name) as trackers:
        began = time.monotonic()
        loop.fit(cascade, curriculum, recipe, folder, resume=resume, trackers=trackers)
        seconds = time.monotonic() - began
    return digest(cascade), seconds, trackers.notes


def test_no_tracker_holds_a_run_up(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hangs for ever, one raises, and the server of one is down."""
    monkeypatch.setattr(tracking, "_PATIENCE", 6.0)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / "trackio.py").write_text(HANGS)
    (fakes / "wandb.py").write_text(RAISES)
    monkeypatch.syspath_prepend(fakes)
    names = tracking.usable_trackers(
        ["trackio", "wandb", *(name for name in INSTALLED if name == "mlflow")]
    )
    curriculum = planned(masked)
    alone = fitted(curriculum, tmp_path / "alone")
    began = time.monotonic()
    told = fitted(curriculum, tmp_path / "told", *names)
    closing = time.monotonic() - began - told[1]
    assert closing < 60.0  # of the 600 that it hangs
    assert told[0] == alone[0]
    rows = [[{**row, "minutes": 0} for row in logged(tmp_path / one)] for one in ("alone", "told")]
    assert rows[0] == rows[1]
    assert (tmp_path / "told" / "curves.html").exists()
    notes = {note.partition(": ")[0]: note for note in told[2]}
    assert set(notes) == set(names)
    assert len(told[2]) == len(names)
    assert "switched off (RuntimeError: the disk is full)." in notes["wandb"]
    assert "wandb sync" in notes["wandb"]
    assert "still not done 6 s after the run" in notes["trackio"]
    assert all("--resume sends the rest" in note for note in told[2])


SLOW = """
import os, time
class Run:
    def log(self, figures, step):
        while not os.path.exists(os.environ["TRACKIO_DIR"] + "/go"): time.sleep(0.01)
        with open(os.environ["TRACKIO_DIR"] + "/steps", "a") as file: file.write(f"{step}\\n")
    def finish(self): pass
def init(**_options): return Run()
"""


@pytest.mark.usefixtures("patience")
def test_what_a_slow_tracker_cannot_take_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trackio.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tracking, "_LONGEST_QUEUE", 5)
    with tracking.tracking(["trackio"], tmp_path / "run", tiny(), "a run") as trackers:
        began = time.monotonic()
        for number in range(200):
            trackers.rows(number, [{"step": number, "x" * 30_000: 0.0}])
        assert time.monotonic() - began < 5.0
        folder = tmp_path / "run" / "track" / "trackio"
        (folder / "go").touch()
    kept = (folder / "steps").read_text().split()
    assert 5 <= len(kept) < 50
    assert f"too slow; {200 - len(kept)} rows" in trackers.notes[-1]


@pytest.mark.usefixtures("patience")
def test_wandb_goes_offline_where_its_server_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "2")
    with tracking.tracking(["wandb"], tmp_path, tiny(), "a run") as trackers:
        trackers.rows(0, [{"step": 20, "loss": 1.0}])
    (note,) = trackers.notes
    assert "kept offline (CommError: " in note
    (folder,) = (tmp_path / "track" / "wandb" / "wandb").glob("offline-run-*")
    assert list(wandb_history(folder)) == [20]


def test_a_tracker_that_cannot_be_used_is_refused_before_anything_is_written(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match="no tracker 'wand'") as caught:
        train([masked], out, settings=TINY, track=["wand"])
    assert "'wandb'" in str(caught.value.remedy)
    (tmp_path / "mlflow").mkdir()  # as a tracker may have left it here; it is no package
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, "mlflow", raising=False)
    with pytest.raises(MissingExtraError, match=r'pip install "flawscope\[mlflow\]"'):
        train([masked], out, settings=TINY, track=["mlflow"])
    assert not out.exists()


def test_a_picture_that_cannot_be_drawn_is_noted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    one = lesson(sample(Label.GOOD))
    examples = Examples([one], (), notes)
    for _ in range(2):
        examples.look(one, None, torch.zeros(1).numpy(), torch.zeros(1, 4, 4).bool().numpy())
    assert examples.take() == {}
    (note,) = notes
    assert note.startswith("part.png: no picture for trackers (")


def test_every_kind_is_pictured_in_turn() -> None:
    lessons = [
        lesson(sample(Label.GOOD)),
        lesson(sample(Label.GOOD)),
        *(lesson(sample(Label.DEFECTIVE, kinds=[kind])) for kind in ("pit", "pit", "scratch")),
    ]
    kinds = [one.sample.kinds or () for one in _chosen(lessons, 4)]
    assert kinds == [(), ("pit",), ("scratch",), ()]
