"""Engines and precisions replayed beside PyTorch: what holds is certified, what strays is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from flawscope.bundle import Bundle, edited, pack
from flawscope.cli import main
from flawscope.runtime import Inspector, installed_engines, load_graph
from flawscope.runtime.golden import ANSWERS, MAPS, PICTURES, read_golden
from flawscope.runtime.replaying import Case, Said, compared
from flawscope.runtime.verifying import verify
from flawscope.train import CertificateRecipe
from flawscope.train.certifying import Certified, _strays, certify, possible_choices
from flawscope.train.golden_parts import golden_parts
from flawscope.values import InputFit, KindPolicy, Manifest, Policy, Precision
from toy_models import KINDS, SHARED, decoder, encoder

pytestmark = pytest.mark.train

OPTIONS = CertificateRecipe(pictures=6, int8=False)
GRAPHS = {"encoder.onnx": encoder(), "decoder.onnx": decoder()}
FLOAT32, INT8 = Precision.FLOAT32, Precision.INT8

Lower = Callable[[bytes, Any], bytes]


def manifest(turned_from: float | None = None) -> Manifest:
    """Of a toy that cares for brightness, and judges the golden parts differently."""
    red = KindPolicy(probability=0.5)
    return Manifest(
        name="toy",
        kinds=KINDS,
        stages=SHARED,
        input=InputFit(tile=128, overlap=16, smallest=32),
        policy=Policy(
            accept_below=0.55,
            defective_from=0.6,
            reject_above=0.8,
            kinds={"red": red},
            turned_from=turned_from,
        ),
    )


def certified(
    turned_from: float | None = None, photographs: Sequence[Case] = (), **options: Any
) -> Certified:
    """The toy, its own graphs standing in for PyTorch."""
    eager = {
        stage.name: load_graph("onnxruntime", GRAPHS[stage.graph], 1, stage.graph)
        for stage in SHARED
    }
    recipe = OPTIONS.model_copy(update=options)
    return certify(manifest(turned_from), GRAPHS, eager, photographs, recipe)


@pytest.fixture(scope="module")
def done() -> Certified:
    return certified()


@pytest.fixture
def model(done: Certified, tmp_path: Path) -> Path:
    return pack(done.manifest, done.members, tmp_path / "toy.flaw")


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lower], None]:
    """Takes what makes INT8 variants, each of which counts as faster."""

    def by(lower: Lower) -> None:
        monkeypatch.setattr("flawscope.train.lowering.quantised", lower)
        monkeypatch.setattr("flawscope.train.lowering._is_faster", lambda *_: True)

    return by


def test_every_engine_is_certified_in_float32(done: Certified) -> None:
    certificate = done.manifest.certificate
    assert certificate is not None
    plain = {one.engine: one for one in certificate.choices if one.lowest is FLOAT32}
    assert plain.keys() == set(installed_engines())
    for choice in plain.values():
        found = choice.replays["golden"]
        assert (found.pictures, found.flipped, found.asked_again) == (6, (), 0.0)
        assert found.score_difference < 1e-5
        assert found.mask_iou == pytest.approx(1.0, abs=1e-3)
        assert (found.f1_change, found.dice_change) == pytest.approx((0.0, 0.0), abs=1e-3)
        assert choice.margin == 0.0
    assert done.members.keys() == {*GRAPHS, PICTURES, MAPS, ANSWERS}


def test_the_golden_pictures_are_the_ones_that_were_asked_about(
    done: Certified, model: Path
) -> None:
    golden = read_golden(Bundle.open(model))
    rendered = golden_parts(6)
    assert [case.id for case in golden.cases] == [case.id for case in rendered]
    for kept, new in zip(golden.cases, rendered, strict=True):
        assert (kept.open() == new.open()).all()
        assert kept.defective == new.defective
    assert {case.defective for case in rendered} == {True, False}
    verdicts = {done.manifest.policy.verdict(said.score) for said in golden.answers}
    assert len(verdicts) > 1


def test_a_good_variant_is_written_and_run(lowered: Callable[[Lower], None]) -> None:
    lowered(lambda graph, _: decoder(0.99) if graph == GRAPHS["decoder.onnx"] else graph)
    found = certified(int8=True)
    assert found.manifest.stages[1].variants == {INT8: "decoder.int8.onnx"}
    assert found.members["decoder.int8.onnx"] == decoder(0.99)
    assert found.manifest.certificate is not None
    mixed = {"encoder": FLOAT32, "decoder": INT8}
    lowest = [one for one in found.manifest.certificate.choices if one.precisions == mixed]
    assert {one.engine for one in lowest} == set(installed_engines())
    strays = [one.replays["golden"].map_difference for one in lowest]
    assert all(0.003 < stray < 0.01 for stray in strays), strays


def test_a_sabotaged_decoder_is_not_written(lowered: Callable[[Lower], None]) -> None:
    lowered(lambda graph, _: decoder(0.4) if graph == GRAPHS["decoder.onnx"] else graph)
    found = certified(int8=True)
    assert "decoder.int8.onnx" not in found.members
    assert found.manifest.stages[1].variants == {}
    refused = [text for text in found.refused if "decoder int8" in text]
    assert refused
    assert all("masks have an IoU of 0.000 with PyTorch's" in text for text in refused)


def test_a_sabotaged_screen_is_not_written_and_the_pictures_are_named(
    lowered: Callable[[Lower], None],
) -> None:
    lowered(lambda graph, _: encoder(white=900) if graph == GRAPHS["encoder.onnx"] else graph)
    found = certified(int8=True)
    assert "encoder.int8.onnx" not in found.members
    refused = [text for text in found.refused if "int8" in text]
    assert refused
    assert all("would have flipped: golden-00" in text for text in refused)
    assert found.manifest.certificate is not None


def test_a_quantiser_that_fails_costs_only_its_variant(lowered: Callable[[Lower], None]) -> None:
    def broken(_graph: bytes, _examples: Any) -> bytes:
        raise NotImplementedError("no such operator")

    lowered(broken)
    found = certified(int8=True)
    assert "an INT8 variant of encoder cannot be made (NotImplementedError)" in found.refused
    assert found.manifest.certificate is not None


def test_without_pictures_nothing_is_certified() -> None:
    found = certified(pictures=0)
    assert found.manifest.certificate is None
    assert found.members == GRAPHS


def test_locating_is_never_more_precise_than_judging() -> None:
    order = list(Precision)
    tried = possible_choices(manifest())
    assert {str(one) for one in tried} >= {f"{engine} in float32" for engine in installed_engines()}
    for choice in tried:
        judging, locating = (choice.precisions[name] for name in ("encoder", "decoder"))
        assert order.index(judging) <= order.index(locating)


def test_what_is_certified_is_verified(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = verify(model, threads=1)
    assert len(checked) >= len(installed_engines())
    assert not any(one.faults or one.unavailable for one in checked)
    assert main(["verify", str(model), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["same"] is True
    assert told["digest"] == Inspector.load(model, engine="onnxruntime").digest
    assert {one["engine"] for one in told["choices"]} == set(installed_engines())
    assert all(one["replay"]["pictures"] == 6 for one in told["choices"])


def test_a_changed_graph_is_found_out(
    done: Certified, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = done.members | {"encoder.onnx": encoder(white=600)}
    changed = pack(done.manifest, members, tmp_path / "changed.flaw")
    assert main(["verify", str(changed)]) == 2
    told = capsys.readouterr()
    assert "verdicts flipped: golden-00" in told.out
    assert "this machine answers otherwise than certified" in told.err


def test_a_changed_certificate_is_found_out(done: Certified, tmp_path: Path) -> None:
    """One that claims less of a difference than there is, for a variant that was refused."""
    certificate = done.manifest.certificate
    assert certificate is not None
    first = certificate.choices[0]
    false = first.model_copy(update={"precisions": {"encoder": FLOAT32, "decoder": INT8}})
    stages = (SHARED[0], SHARED[1].model_copy(update={"variants": {INT8: "low.onnx"}}))
    update = {"choices": (first, false)}
    lying = done.manifest.model_copy(
        update={"stages": stages, "certificate": certificate.model_copy(update=update)}
    )
    model = pack(lying, done.members | {"low.onnx": decoder(0.8)}, tmp_path / "lying.flaw")
    right, wrong = verify(model, threads=1)
    assert not right.faults
    assert "probabilities of a pixel differ from PyTorch's by up to 0." in wrong.faults[0]


def test_changed_answers_are_found_out(done: Certified, tmp_path: Path) -> None:
    answers = json.loads(done.members[ANSWERS])
    for one in answers["pictures"]:
        one["score"] = 0.1
    members = done.members | {ANSWERS: json.dumps(answers).encode()}
    checked = verify(pack(done.manifest, members, tmp_path / "m.flaw"), threads=1)
    assert all("verdicts flipped: golden-00" in one.faults[0] for one in checked)


def test_an_engine_that_is_not_there_is_said_so(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flawscope.runtime.verifying.installed_engines", lambda: ("onnxruntime",))
    assert main(["verify", str(model)]) == 0
    assert "openvino in float32: not checked, openvino is not installed" in capsys.readouterr().out


def test_where_nothing_can_be_checked_nothing_is_called_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flawscope.runtime.verifying.installed_engines", tuple)
    assert main(["verify", str(model), "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["same"] is False
    assert "nothing was checked" in said.err


def test_a_model_without_a_certificate_is_refused(
    shared_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(shared_model)]) == 2
    assert "has no certificate, so there is nothing to verify" in capsys.readouterr().err


@pytest.mark.parametrize("member", [PICTURES, MAPS, ANSWERS])
def test_members_that_do_not_fit_are_refused(
    done: Certified, tmp_path: Path, member: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = pack(done.manifest, done.members | {member: b"{}"}, tmp_path / "m.flaw")
    assert main(["verify", str(broken)]) == 2
    assert f"its {member} does not hold golden pictures" in capsys.readouterr().err


def test_figures_of_a_replay_by_hand() -> None:
    import numpy as np

    policy = Policy(accept_below=0.2, defective_from=0.5, reject_above=0.7)
    hot = np.zeros((4, 4), dtype=np.uint8)
    hot[0] = 255
    half = hot.copy()
    half[0, 2:] = 100
    cases = [
        Case("a", hot.copy, defective=True, mask=hot > 0),
        Case("b", hot.copy, defective=False, mask=np.zeros((4, 4), dtype=bool)),
        Case("c", hot.copy, defective=True),
    ]
    right = [
        Said(0.9, {"red": 0.8}, hot),
        Said(0.1, {"red": 0.1}, None),
        Said(0.6, {"red": 0.2}, None),
    ]
    said = [
        Said(0.8, {"red": 0.8}, half, asked_again=True),
        Said(0.1, {"red": 0.1}, None),
        Said(0.4, {"red": 0.2}, None),
    ]
    raw = [said[0], Said(0.3, {"red": 0.15}, None), said[2]]
    found = compared(cases, right, said, raw, policy)
    assert (found.pictures, found.flipped, found.unguarded) == (3, (), ("b",))
    assert found.score_difference == pytest.approx(0.2)
    assert found.kind_difference == pytest.approx(0.05)
    assert found.map_difference == pytest.approx(155 / 255, abs=1e-6)
    assert found.mask_iou == pytest.approx(0.5)
    assert found.f1_change == pytest.approx(2 / 3 - 1.0, abs=1e-6)
    assert found.dice_change == pytest.approx(4 / 6 - 1.0, abs=1e-6)
    assert found.asked_again == pytest.approx(1 / 3)


def test_turned_parts_are_told_apart_tile_by_tile_for_the_margin() -> None:
    policy = Policy(accept_below=0.3, reject_above=0.7, turned_from=0.25)
    right = [
        Said(0.6, {}, None, firsts=(0.6, 0.26)),
        Said(0.5, {}, None, firsts=(0.5, 0.2)),
    ]
    low = [
        Said(0.6, {}, None, firsts=(0.6, 0.24)),  # one tile less was turned
        Said(0.52, {}, None, firsts=(0.51, 0.21)),
    ]
    (firsts, low_firsts, turning), (scores, low_scores, edges) = _strays(right, low, policy)
    assert firsts == [0.6, 0.26, 0.5, 0.2]
    assert low_firsts == [0.6, 0.24, 0.51, 0.21]
    assert turning == [0.25]
    assert (scores, low_scores) == ([0.5], [0.52])
    assert edges == [0.3, 0.5, 0.7]
    assert len(list(_strays(right, low, policy.model_copy(update={"turned_from": None})))) == 1


def test_a_certified_model_that_turns_verifies_after_its_edges_were_moved(tmp_path: Path) -> None:
    made = certified(turned_from=0.55)
    model = pack(made.manifest, made.members, tmp_path / "toy.flaw")
    answers = read_golden(Bundle.open(model)).answers
    assert 0 < sum(made.manifest.policy.turns(one.firsts[0]) for one in answers) < len(answers)
    looser = edited(model, tmp_path / "looser.flaw", {"policy.accept_below": 0.5})
    for path in (model, looser):
        checked = verify(path)
        assert {one.choice.engine for one in checked} == set(installed_engines())
        assert not any(one.faults for one in checked)
    once = edited(model, tmp_path / "once.flaw", {"policy.turned_from": "none"})
    assert Bundle.open(once).manifest.certificate is None


def test_tiles_that_are_let_go_count_for_no_difference() -> None:
    strip = np.zeros((128, 240, 3), dtype=np.uint8)  # two tiles
    strip[40:80, 10:50, 0], strip[40:80, 190:230, 0] = 200, 130  # 0.51 of the second: let go
    made = certified(photographs=[Case("strip", lambda: strip)])
    assert made.manifest.certificate is not None
    for choice in made.manifest.certificate.choices:
        found = choice.replays["validation"]
        assert found.map_difference < 0.01
        assert found.mask_iou == pytest.approx(1.0)
