"""Which engine and precisions a model is run with: certified, computed here, and measured."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.bundle import Bundle, cache_folder, edited, pack
from flawscope.errors import EngineError
from flawscope.runtime import Inspector, choices
from flawscope.runtime.choices import in_float32
from flawscope.values import Certificate, Choice, Precision, Replay
from toy_models import decoder, shared_members

BF16 = Precision.BFLOAT16
INT8 = Precision.INT8
FLOAT32 = Precision.FLOAT32


def certified(
    path: Path, out: Path, *chosen: Choice, there: tuple[str, ...] = ("openvino", "onnxruntime")
) -> Path:
    """A toy model that says it is certified, with an INT8 variant of its decoder.

    ``there`` were the engines when it was.
    """
    manifest = Bundle.open(path).manifest
    encode, decode = manifest.stages
    decode = decode.model_copy(update={"variants": {INT8: "decoder.int8.onnx"}})
    proof = Certificate(choices=chosen, versions=dict.fromkeys(there, "1"))
    update = {"stages": (encode, decode), "certificate": proof}
    members = shared_members() | {"decoder.int8.onnx": decoder(gain=0.999)}
    return pack(manifest.model_copy(update=update), members, out)


def choice(engine: str, encode: Precision, decode: Precision, margin: float = 0.0) -> Choice:
    return Choice(engine=engine, precisions={"encoder": encode, "decoder": decode}, margin=margin)


@pytest.fixture
def model(shared_model: Path, tmp_path: Path) -> Path:
    return certified(
        shared_model,
        tmp_path / "certified.flaw",
        choice("openvino", FLOAT32, FLOAT32),
        choice("openvino", BF16, BF16, 0.3),
        choice("openvino", BF16, INT8, 0.3),
        choice("onnxruntime", FLOAT32, FLOAT32),
        choice("onnxruntime", FLOAT32, INT8),
    )


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with bfloat16, whatever the tests run on."""
    table = {"openvino": frozenset(Precision), "onnxruntime": frozenset({FLOAT32, INT8})}
    monkeypatch.setattr(choices, "precisions_of", table.__getitem__)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str, Precision], float]:
    """Seconds by engine, stage and precision; each is asked for at most once a measurement."""
    times: dict[tuple[str, str, Precision], float] = {}

    def seconds(_bundle: Any, stage: Any, option: Any, _tensors: Any, _threads: int) -> Any:
        given = {"features": np.zeros((1, 3, 256, 256), np.float32)}
        return times.pop((option[0], stage.name, option[1])), given

    monkeypatch.setattr(choices, "_timed", seconds)
    monkeypatch.setattr(choices, "_measured", {})
    return times


@pytest.mark.usefixtures("able")
def test_the_fastest_by_stage_is_taken_measured_once_and_remembered(
    model: Path, timed: dict[tuple[str, str, Precision], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed |= {
        ("openvino", "encoder", FLOAT32): 0.03,
        ("openvino", "encoder", BF16): 0.01,
        ("onnxruntime", "encoder", FLOAT32): 0.02,
        ("openvino", "decoder", BF16): 0.03,
        ("openvino", "decoder", INT8): 0.02,
    }
    bundle = Bundle.open(model)
    found, notes = choices.choose(bundle, 3)
    assert (str(found), notes) == ("openvino (encoder bfloat16, decoder int8)", ())
    assert found.margin == 0.3
    assert not timed  # The decoder was not measured on the engine that had lost already.
    assert choices.choose(bundle, 3)[0] == found
    monkeypatch.setattr(choices, "_measured", {})  # Another process reads what was kept.
    assert choices.choose(bundle, 3)[0] == found
    with pytest.raises(KeyError):
        choices.choose(bundle, 4)


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize("damage", ["old", "unknown", "torn"])
def test_what_was_kept_is_measured_again_when_it_is_no_use(
    model: Path,
    timed: dict[tuple[str, str, Precision], float],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    damage: str,
) -> None:
    monkeypatch.setenv("FLAWSCOPE_CACHE", str(tmp_path / "cache"))
    engines = {("openvino", "encoder", FLOAT32): 0.02, ("onnxruntime", "encoder", FLOAT32): 0.01}
    timed |= engines
    bundle = Bundle.open(model)
    assert choices.choose(bundle, 3, precision="float32")[0].engine == "onnxruntime"
    (kept,) = (cache_folder() / "choices").iterdir()
    now = time.time()
    kept.write_text(
        {
            "old": json.dumps({"choice": "openvino in float32", "time": now - 30 * 86400}),
            "unknown": json.dumps({"choice": "abacus in decimal", "time": now}),
            "torn": '{"choice": "open',
        }[damage]
    )
    monkeypatch.setattr(choices, "_measured", {})
    timed |= engines
    assert choices.choose(bundle, 3, precision="float32")[0].engine == "onnxruntime"
    assert not timed


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(("again", "fastest"), [(0.2, BF16), (0.6, FLOAT32)])
def test_what_is_asked_again_counts_against_low_precision(
    shared_model: Path,
    timed: dict[tuple[str, str, Precision], float],
    tmp_path: Path,
    again: float,
    fastest: Precision,
) -> None:
    replay = Replay(
        pictures=10,
        score_difference=0.01,
        kind_difference=0.01,
        map_difference=0.01,
        asked_again=again,
    )
    low = choice("openvino", BF16, BF16).model_copy(update={"replays": {"golden": replay}})
    plain = choice("openvino", FLOAT32, FLOAT32)
    model = certified(shared_model, tmp_path / "m.flaw", plain, low)
    timed |= {
        ("openvino", "encoder", FLOAT32): 0.03,
        ("openvino", "encoder", BF16): 0.015,
        ("openvino", "decoder", BF16): 0.1,
        ("openvino", "decoder", FLOAT32): 0.2,
    }
    found, _ = choices.choose(Bundle.open(model), 2, engine="openvino")
    assert found.precisions["encoder"] is fastest


def test_a_cache_that_cannot_be_written_is_done_without(
    shared_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FLAWSCOPE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(choices, "_measured", {})
    assert Inspector.load(shared_model, threads=1).engine in ("openvino", "onnxruntime")


@pytest.mark.usefixtures("able")
def test_a_precision_by_name(model: Path) -> None:
    bundle = Bundle.open(model)
    asked = choices.choose(bundle, 1, engine="openvino", precision="bfloat16")
    assert asked == (choice("openvino", BF16, BF16, 0.3), ())
    asked = choices.choose(bundle, 1, engine="onnxruntime", precision="int8")
    assert asked == (choice("onnxruntime", FLOAT32, INT8), ())
    asked = choices.choose(bundle, 1, engine="openvino", precision="float32")
    assert asked == (in_float32(bundle.manifest, "openvino"), ())


def test_a_machine_without_bfloat16_falls_back_with_a_note(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "precisions_of", lambda _engine: frozenset({FLOAT32, INT8}))
    inspector = Inspector.load(model, engine="openvino", precision="bfloat16")
    assert set(inspector.precisions.values()) == {FLOAT32}
    assert inspector.notes == ("this machine does not compute in bfloat16: float32 is used",)
    usable = choices.usable_choices(inspector.manifest, ("openvino",))
    assert [str(one) for one in usable] == ["openvino in float32"]


def test_a_model_without_a_certificate_is_run_in_float32(shared_model: Path) -> None:
    inspector = Inspector.load(shared_model, engine="onnxruntime", precision="int8")
    assert set(inspector.precisions.values()) == {FLOAT32}
    (note,) = inspector.notes
    assert note == "the model has no certificate for int8 on onnxruntime: float32 is used"
    assert Inspector.load(shared_model, engine="onnxruntime").notes == ()


def test_an_engine_that_the_certificate_leaves_out_is_not_run(
    shared_model: Path, tmp_path: Path
) -> None:
    kept = choice("onnxruntime", FLOAT32, FLOAT32)
    refused = certified(shared_model, tmp_path / "refused.flaw", kept)
    with pytest.raises(EngineError, match=r"refused.flaw: .* answer otherwise on openvino"):
        Inspector.load(refused, engine="openvino")
    for precision in ("auto", "float32", "int8"):
        assert Inspector.load(refused, precision=precision).engine == "onnxruntime"
    low = certified(shared_model, tmp_path / "low.flaw", kept, choice("openvino", FLOAT32, INT8))
    with pytest.raises(EngineError, match="answer otherwise on openvino"):
        Inspector.load(low, engine="openvino", precision="float32")
    absent = certified(shared_model, tmp_path / "absent.flaw", kept, there=("onnxruntime",))
    assert Inspector.load(absent, engine="openvino").notes == (
        "the model's certificate knows nothing of openvino",
    )


def test_an_unknown_precision_is_refused(shared_model: Path) -> None:
    with pytest.raises(EngineError, match=r"no precision 'float8'.*auto, float32, bfloat16, int8"):
        Inspector.load(shared_model, precision="float8")


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_the_variant_is_what_is_run(model: Path, engine: str) -> None:
    """The toy's variant answers a thousandth fainter."""
    image = np.full((64, 64, 3), 204, dtype=np.uint8)
    heats = []
    for precision in ("float32", "int8"):
        chosen = choices.in_float32(Bundle.open(model).manifest, engine)
        if precision == "int8":
            chosen = choice(engine, FLOAT32, INT8)
        heat = Inspector(Bundle.open(model), chosen, 1).examine(image).heat
        assert heat is not None
        heats.append(float(heat.max()))
    assert heats[0] - heats[1] == pytest.approx(0.0008, abs=0.0004)


def test_a_policy_edited_afterwards_keeps_the_certificate(model: Path, tmp_path: Path) -> None:
    new = Bundle.open(edited(model, tmp_path / "new.flaw", {"policy.reject_above": 0.9}))
    assert new.manifest.certificate == Bundle.open(model).manifest.certificate
    assert new.manifest.stages[1].variants == {INT8: "decoder.int8.onnx"}
