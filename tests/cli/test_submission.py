"""``flawscope inspect --submission``: what Kaggle's Severstal competition takes."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from cli_parts import Cli, draw_part
from onnx import helper

import toy_models
from flawscope.bundle import pack
from flawscope.data.submission import steel_numbers
from flawscope.errors import ModelFileError
from flawscope.images import save_image
from flawscope.masks import union
from flawscope.runtime import Inspector
from flawscope.values import UNNAMED, InputFit, KindPolicy, Manifest, Policy, Stage

FAST = ("--engine", "onnxruntime", "--threads", "1")
FIRST, LAST = toy_models.FOUNDING[0], ("masks",)


def four_kinds() -> bytes:
    """Kinds: the brightest red, green, blue and red."""
    nodes, weights = toy_models._features()
    nodes += [
        helper.make_node("ReduceMax", ["features"], ["brightest"], axes=[2, 3], keepdims=0),
        helper.make_node("Slice", ["brightest", "zero", "one", "axis"], ["red"]),
        helper.make_node("Concat", ["brightest", "red"], ["kinds"], axis=1),
    ]
    weights += toy_models._weights(zero=np.array([0]), one=np.array([1]), axis=np.array([1]))
    return toy_models._graph(nodes, [toy_models.IMAGE], [toy_models._tensor("kinds", 2)], weights)


def steel_model(path: Path, kinds: tuple[str, ...]) -> Path:
    """A model of four kinds: red, green, blue, and red again for any defect and the fourth."""
    stages = [
        FIRST,
        Stage(name="kinds", graph="kinds.onnx", inputs=("image",), outputs=("kinds",)),
    ]
    members = {"screen.onnx": toy_models.encoder(["screen"]), "kinds.onnx": four_kinds()}
    for channel, plane in zip((*kinds, UNNAMED), (0, 1, 2, 0, 0), strict=True):
        stages.append(
            Stage(
                name=f"locate-{channel}",
                graph=f"{channel}.onnx",
                inputs=("image",),
                outputs=LAST,
                channels=(channel,),
            )
        )
        members[f"{channel}.onnx"] = toy_models.locator(plane)
    policy = Policy(
        accept_below=0.3,
        reject_above=0.8,
        kinds={kinds[1]: KindPolicy(smallest_area=700), kinds[3]: KindPolicy(probability=1.0)},
    )
    manifest = Manifest(
        name="steel",
        kinds=kinds,
        stages=tuple(stages),
        input=InputFit(tile=64, overlap=16, smallest=32),
        policy=policy,
    )
    return pack(manifest, members, path)


@pytest.fixture(scope="module")
def steel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steel_model(tmp_path_factory.mktemp("steel") / "steel.flaw", ("1", "2", "3", "4"))


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    """A clean strip, a red and a green one, one of three colours, and one that is no image."""
    folder = tmp_path / "test_images"
    draw_part(folder / "a.jpg", (0, 0, 90))
    draw_part(folder / "b.png", (250, 0, 0))
    draw_part(folder / "c.png", (0, 250, 0))
    picture = np.zeros((60, 90, 3), dtype=np.uint8)
    picture[0:60, 10:12] = (255, 0, 0)
    picture[:, 20:50] = (0, 255, 0)
    picture[50:60, 80:90] = (255, 0, 255)
    save_image(picture, folder / "d.png")
    (folder / "e.jpg").write_bytes(b"no image")
    return folder


def submitted(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        titles, *rows = csv.reader(file)
    assert titles == ["ImageId_ClassId", "EncodedPixels"]
    assert all(len(row) == 2 for row in rows)
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def decoded(text: str, height: int, width: int) -> np.ndarray:
    """As the competition's scoring decodes them, pixel by pixel, refusing what it refuses."""
    flat = np.zeros(height * width, dtype=bool)
    numbers = [int(number) for number in text.split()]
    runs = list(zip(numbers[::2], numbers[1::2], strict=True))
    for (start, length), following in itertools.zip_longest(runs, runs[1:]):
        assert start >= 1
        assert length >= 1
        assert following is None or start + length < following[0], "ordered, apart, and merged"
        flat[start - 1 : start - 1 + length] = True
        assert start - 1 + length <= flat.size
    return flat.reshape(width, height).T


def test_every_image_and_class_has_a_row_that_decodes_to_what_was_found(
    cli: Cli, strips: Path, steel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("inspect", strips, "--model", steel, "--submission", "out/submission.csv", *FAST)
    assert cli(*arguments) == 2, "one of the images is broken"
    said = capsys.readouterr()
    assert "1 of 5 images could not be used" in said.err
    assert "e.jpg: not an image" in said.err
    assert "classes: 1 is 1, 2 is 2, 3 is 3, 4 is 4" in said.err
    rows = submitted(Path("out/submission.csv"))
    names = sorted(path.name for path in strips.iterdir())
    assert list(rows) == [f"{name}_{class_}" for name in names for class_ in "1234"]
    inspector = Inspector.load(steel, engine="onnxruntime", threads=1)
    found = set()
    for name in names[:-1]:
        inspection = inspector.inspect(strips / name)
        for class_ in "1234":
            masks = [one.mask for one in inspection.defects if one.kind == class_ and one.mask]
            expected = union(masks, inspection.size)
            np.testing.assert_array_equal(
                decoded(rows[f"{name}_{class_}"], *inspection.size), expected
            )
            found |= {(name, class_)} if expected.any() else set()
    assert found == {
        ("b.png", "1"), ("d.png", "1"), ("d.png", "2"), ("d.png", "3"), ("d.png", "4"),
    }, "c.png is green, but by less than its smallest area"  # fmt: skip
    assert all(rows[f"e.jpg_{class_}"] == "" for class_ in "1234")
    assert re.fullmatch(r"[\d ]+", rows["b.png_1"])


def test_without_broken_images_all_is_well(cli: Cli, strips: Path, steel: Path) -> None:
    (strips / "e.jpg").unlink()
    assert cli("inspect", strips, "--model", steel, "--submission", "s.csv", "--json", *FAST) == 0
    assert len(submitted(Path("s.csv"))) == 16


def test_four_named_kinds_become_classes_in_their_order(
    cli: Cli, strips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = steel_model(tmp_path / "named.flaw", ("pit", "dent", "crack", "ash"))
    assert cli("inspect", strips / "b.png", "--model", model, "--submission", "s.csv", *FAST) == 0
    assert "classes: 1 is pit, 2 is dent, 3 is crack, 4 is ash" in capsys.readouterr().err
    assert submitted(Path("s.csv"))["b.png_1"]


def test_other_models_are_refused_before_anything_is_inspected(
    cli: Cli, strips: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("inspect", strips, "--model", model, "--submission", "s.csv", *FAST) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "kinds of the model (red, green) are not the classes 1 to 4" in said.err
    assert not Path("s.csv").exists()


@pytest.mark.parametrize(
    ("kinds", "numbers"),
    [
        (("1", "3"), {"1": "1", "3": "3"}),
        (("4", "3", "2", "1"), {kind: kind for kind in "4321"}),
        (("d", "c", "b", "a"), {"d": "1", "c": "2", "b": "3", "a": "4"}),
        ((), None),
        (("1", "2", "3", "5"), None),
        (("1", "2", "3", "dent"), None),
        (("a", "b", "c"), None),
        (("1", "2", "3", "4", "5"), None),
    ],
)
def test_which_kinds_are_classes(kinds: tuple[str, ...], numbers: dict[str, str] | None) -> None:
    if numbers is None:
        with pytest.raises(ModelFileError, match="not the classes 1 to 4"):
            steel_numbers(kinds)
    else:
        assert steel_numbers(kinds) == numbers


def test_two_images_of_one_name_are_refused(
    cli: Cli, strips: Path, steel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_part(strips / "more" / "b.png", (0, 0, 0))
    assert cli("inspect", strips, "--model", steel, "--submission", "s.csv", *FAST) == 2
    assert "have one file name" in capsys.readouterr().err
    assert not Path("s.csv").exists()


def test_a_batch_that_is_interrupted_leaves_no_half_of_a_submission(
    cli: Cli, strips: Path, steel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("s.csv").write_text("the last one\n")
    told: list[object] = []

    def interrupted(inspection: object) -> None:
        told.append(inspection)
        raise KeyboardInterrupt

    monkeypatch.setattr("flawscope.cli.batch.tell_in_words", interrupted)
    assert cli("inspect", strips, "--model", steel, "--submission", "s.csv", *FAST) == 130
    assert len(told) == 1
    assert Path("s.csv").read_text() == "the last one\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["s.csv"]
