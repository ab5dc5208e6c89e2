"""The other commands, and what holds for all of them."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_parts import Cli, strict_lines

from flawscope import __version__
from flawscope.bundle import CARD, Bundle, pack
from flawscope.cli import demo as demo_command
from flawscope.errors import EngineError
from toy_models import write_model

HEAVY = ("torch", "cv2", "numpy", "openvino", "onnxruntime", "pydantic", "PIL", "httpx2")
COMMANDS = (
    "demo",
    "inspect",
    "evaluate",
    "train",
    "export",
    "verify",
    "explain",
    "pull",
    "info",
    "bench",
    "doctor",
)


def test_help_of_every_command(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--help") == 0
    listed = capsys.readouterr().out
    for command in (*COMMANDS, "data"):
        assert command in listed
        assert cli(command, "--help") == 0
    for command in ("check", "split", "convert"):
        assert cli("data", command, "--help") == 0
    assert cli("--version") == 0
    assert f"flawscope {__version__}" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from flawscope.cli import main; main(['--help']);"
        f"print('loaded', *(name for name in {HEAVY} if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "loaded"


def test_a_fault_of_our_own_never_looks_like_a_rejection(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("flawscope.cli.machine.describe_machine", fail)
    assert cli("doctor") == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError: a fault" in told
    assert "Please report it" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_results_that_have_no_room_say_so(model: Path) -> None:
    for words in (["info", model], ["info", model, "--json"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "flawscope", *map(str, words)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        said = "error: standard output: No space left on device. Make room"
        assert done.stderr.startswith(said)


def test_a_place_that_cannot_be_written_to_is_named_as_it_was_given(
    cli: Cli, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "new.flaw"
    assert cli("info", model, "--set", "policy.reject_above=0.9", "--out", out) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said
    assert ".partial-" not in said


def test_info_shows_every_key_that_can_be_set(
    cli: Cli, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("info", model) == 0
    said = capsys.readouterr().out
    assert Bundle.open(model).digest in said
    for key in ("policy.gate", "policy.kinds.red.smallest_area", "policy.unnamed.probability"):
        assert key in said
    assert cli("info", model, "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["manifest"]["kinds"] == ["red", "green"]


def test_info_writes_another_policy_into_a_new_file(
    cli: Cli, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes()
    changes = ("--set", "policy.reject_above=0.95", "--set", "policy.kinds.red.smallest_area=12")
    assert cli("info", model, *changes, "--out", "strict.flaw") == 0
    assert model.read_bytes() == before
    policy = Bundle.open("strict.flaw").manifest.policy
    assert policy.reject_above == 0.95
    assert policy.kinds["red"].smallest_area == 12
    capsys.readouterr()


def test_figures_of_a_changed_policy_are_not_taken_for_its_own(cli: Cli, tmp_path: Path) -> None:
    model, again = tmp_path / "a.flaw", tmp_path / "c.flaw"
    graphs = write_model(tmp_path / "graphs.flaw")
    bundle = Bundle.open(graphs)
    members = {name: bundle.read(name) for name in bundle.manifest.graphs}
    manifest = bundle.manifest.model_copy(update={"metrics": {"tiles": {"escapes": 0}}})
    pack(manifest, {**members, CARD: b"# A card\n\nNo escapes."}, model)
    one = ("--set", "policy.accept_below=0.4", "--out")
    assert cli("info", model, *one, "b.flaw") == 0
    assert cli("info", "b.flaw", "--set", "policy.accept_below=0.3", "--out", again) == 0
    for changed in (Bundle.open("b.flaw"), Bundle.open(again)):
        assert changed.manifest.metrics == {"of_another_policy": {"tiles": {"escapes": 0}}}
        card = changed.read(CARD).decode()
        assert card.startswith("# A card\n\n> **The policy was changed after")
        assert card.count("The policy was changed") == 1
        assert card.endswith("No escapes.")


def test_a_threshold_can_be_set_and_put_off_again(cli: Cli, model: Path) -> None:
    key = "policy.unnamed.veto_below"
    assert cli("info", model, "--set", f"{key}=0.3", "--out", "a.flaw") == 0
    assert cli("info", "a.flaw", "--set", f"{key}=none", "--out", "b.flaw") == 0
    assert Bundle.open("b.flaw").manifest.policy.unnamed.veto_below is None


def test_no_model_is_written_over_itself_or_over_something_else(
    cli: Cli, model: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph = parts / "a.png"
    before = model.read_bytes(), photograph.read_bytes()
    change = ("--set", "policy.accept_below=0.4", "--out")
    assert cli("info", model, *change, model) == 2
    assert "is the model itself" in capsys.readouterr().err
    for command in (("info", model, *change), ("export", model, "--out")):
        assert cli(*command, photograph) == 2
        assert "a.png: is there already, and is no model file" in capsys.readouterr().err
    assert (model.read_bytes(), photograph.read_bytes()) == before
    assert cli("info", model, *change, "b.flaw") == 0
    assert cli("info", model, *change, "b.flaw") == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--set", "policy.reject_above=2", "--out", "new.flaw"], "policy.reject_above"),
        (["--set", "policy.rejects=1", "--out", "new.flaw"], "policy.reject_above"),
        (["--set", "policy.reject_above", "--out", "new.flaw"], "KEY=VALUE"),
        (["--set", "policy.reject_above=0.9"], "--out"),
        (["--out", "new.flaw"], "--set"),
        (
            ["--set", "policy.gate=hard", "--set", "policy.gate=soft", "--out", "new.flaw"],
            "set twice",
        ),
    ],
)
def test_info_refuses_what_makes_no_policy(
    cli: Cli, model: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("info", model, *options) == 2
    assert told in capsys.readouterr().err
    assert not Path("new.flaw").exists()


def test_doctor_says_what_is_here(
    cli: Cli, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("doctor", "--model", model, "--json") == 0
    (machine,) = strict_lines(capsys.readouterr().out)
    assert machine["cores"] >= 1
    assert machine["engines"].keys() == {"openvino", "onnxruntime"}
    absent = importlib.util.find_spec("torch") is None
    assert ("torch" in machine["extras"]["train"]["missing"]) == absent
    assert machine["variant"]["digest"] == Bundle.open(model).digest
    assert machine["variant"]["engine"] in machine["engines"]
    assert machine["variant"]["precisions"] == {"encoder": "float32", "decoder": "float32"}
    assert machine["variant"]["error"] is None
    assert machine["prediction"] is None


def test_doctor_predicts_for_a_model_and_a_size(
    cli: Cli, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", model, "--size", "48x80", "--engine", "onnxruntime", "--threads", "1")
    assert cli("doctor", *options, "--json") == 0
    (machine,) = strict_lines(capsys.readouterr().out)
    assert machine["variant"]["threads"] == 1
    predicted = machine["prediction"]
    assert predicted["size"] == [48, 80]
    rates = predicted["images_per_second"]
    assert rates.keys() == {"0.02", "0.05", "0.2", "1.0"}
    assert rates["1.0"] == pytest.approx(1000 / predicted["defective_ms"], rel=0.01)
    assert cli("doctor", *options) == 0
    said = capsys.readouterr().out
    assert "toy on onnxruntime in float32, 1 thread in 1 stream" in said
    assert "at 5% defective" in said


def test_doctor_says_what_it_cannot_run(
    cli: Cli, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("doctor", "--model", model, "--engine", "abacus", "--json") == 0
    (machine,) = strict_lines(capsys.readouterr().out)
    assert "there is no engine 'abacus'" in machine["variant"]["error"]
    assert cli("doctor", "--model", "absent.flaw") == 2
    assert "absent.flaw" in capsys.readouterr().err
    assert cli("doctor", "--size", "12") == 2
    assert "256x1600" in capsys.readouterr().err


@pytest.mark.usefixtures("without_pytorch")
def test_training_without_its_packages_names_the_cure(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("train", tmp_path, "--out", "run") == 2
    assert 'Run: pip install "flawscope[train]"' in capsys.readouterr().err
    assert not Path("run").exists()


def test_demo_shows_every_part_and_writes_the_page(
    cli: Cli, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flawscope.bundle.shipped_model", lambda: model)
    assert cli("demo", "--out", "report") == 0
    said = capsys.readouterr().out
    for number, (_, surface, _) in enumerate(demo_command.PARTS, 1):
        assert f"{number:02}" in said
        assert surface in said
    assert len(list(Path("report/parts").iterdir())) == len(demo_command.PARTS)
    assert len(list(Path("report/pictures").iterdir())) == len(demo_command.PARTS)
    assert Path("report/index.html").is_file()


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_import_that_ctrl_c_broke_off_is_an_interruption(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrapped: bool,
) -> None:
    """Packages in C turn the KeyboardInterrupt into an ImportError."""

    def load(*_: object, **__: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        broken = ImportError("initialization failed")
        if wrapped:
            raise EngineError("cannot run encoder.onnx") from broken
        raise broken

    monkeypatch.setattr("flawscope.runtime.Inspector.load", load)
    assert cli("inspect", parts, "--model", model) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert "fault" not in said
    assert "cannot run" not in said
