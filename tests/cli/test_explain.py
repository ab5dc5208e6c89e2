"""``flawscope explain``: the picture, the JSON, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_parts import Cli, strict_lines

from flawscope.images import open_image, save_image

BY_OCCLUSION = ("--method", "occlusion")
COARSE = (*BY_OCCLUSION, "--patch", "20", "--stride", "10")


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """A dark part of 80 x 100 pixels with a red square of 6 and a darker green one."""
    image = np.full((80, 100, 3), 20, dtype=np.uint8)
    image[20:26, 30:36] = (240, 0, 0)
    image[50:56, 70:76] = (0, 180, 0)
    save_image(image, tmp_path / "part.png")
    return tmp_path / "part.png"


def test_a_picture_and_what_it_shows(
    cli: Cli, model: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("explain", part, "--model", model, *COARSE) == 0
    said = capsys.readouterr()
    assert "any defect, 94.1%" in said.out
    assert "part.explained.png" in said.out
    assert not said.err
    picture = open_image("part.explained.png")
    photograph = open_image(part)
    # Enlarged threefold: the photograph, and as much again with the heat on it.
    assert picture.shape[1] > 6 * photograph.shape[1]
    enlarged = photograph.repeat(3, axis=0).repeat(3, axis=1)
    top = next(
        row
        for row in range(picture.shape[0] - 240)
        if np.array_equal(picture[row : row + 240, :300], enlarged)
    )
    warm = picture[top : top + 240, -300:]
    assert np.array_equal(warm[-30:, :30], enlarged[-30:, :30])
    assert not np.array_equal(warm[60:78, 90:108], enlarged[60:78, 90:108])


def test_one_json_object(
    cli: Cli, model: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--kind", "green", "--out", "why/green.png", "--json")
    assert cli("explain", part, "--model", model, *COARSE, *options) == 0
    (said,) = strict_lines(capsys.readouterr().out)
    assert said.keys() == {"image", "method", "kind", "score", "out", "peak", "box"}
    assert said["image"] == part.as_posix()
    assert (said["method"], said["kind"], said["out"]) == ("occlusion", "green", "why/green.png")
    assert said["score"] == pytest.approx(180 / 255, abs=1e-4)
    x, y = said["peak"]
    assert 60 <= x < 86
    assert 40 <= y < 66
    left, top, right, bottom = said["box"]
    assert left <= x < right
    assert top <= y < bottom
    assert Path("why/green.png").is_file()


def test_nothing_to_show_is_said(
    cli: Cli, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.png"
    save_image(np.full((64, 64, 3), 30, dtype=np.uint8), plain)
    assert cli("explain", plain, "--model", model, *COARSE, "--json") == 0
    said = capsys.readouterr()
    (document,) = strict_lines(said.out)
    assert document["peak"] is None
    assert document["box"] is None
    assert "the heatmap is empty" in said.err
    assert Path("plain.explained.png").is_file()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((*BY_OCCLUSION, "--kind", "blue"), "Choose from red, green"),
        ((*BY_OCCLUSION, "--out", "why.jpg"), "the picture is a PNG"),
        (("--patch", "20"), "--method occlusion"),
        (("--method", "gradcam", "--stride", "20"), "--method occlusion"),
        (("--method", "guess"), "occlusion"),
        ((*BY_OCCLUSION, "--patch", "2"), "looks"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    cli: Cli,
    model: Path,
    part: Path,
    options: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli("explain", part, "--model", model, *options) == 2
    assert told in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_the_photograph_is_never_replaced(
    cli: Cli, model: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = part.read_bytes()
    assert cli("explain", part, "--model", model, *COARSE, "--out", part) == 2
    assert "would replace the photograph" in capsys.readouterr().err
    assert part.read_bytes() == before


@pytest.mark.usefixtures("without_pytorch")
def test_occlusion_alone_does_without_pytorch(
    cli: Cli, model: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("cam", "gradcam"):
        assert cli("explain", part, "--model", model, "--method", method) == 2
        told = capsys.readouterr().err
        assert method in told
        assert 'Run: pip install "flawscope[train]"' in told
        assert not Path("part.explained.png").exists()
    assert cli("explain", part, "--model", model, *COARSE) == 0
    assert Path("part.explained.png").is_file()


@pytest.mark.train
def test_a_file_without_a_recipe_points_to_occlusion(
    cli: Cli, model: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    assert cli("explain", part, "--model", model) == 2
    told = capsys.readouterr().err
    assert "has no recipe" in told
    assert "occlusion" in told


@pytest.mark.train
def test_the_shipped_model_shows_where_it_sees_a_scratch(
    cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    image = np.full((128, 160, 3), 128, dtype=np.uint8)
    grain = np.random.default_rng(0).normal(0, 4, (128, 160, 1))
    image = (image + grain).clip(0, 255).astype(np.uint8)
    image[60:64, 90:150] = 30
    save_image(image, Path("scratched.png"))
    assert cli("explain", "scratched.png", "--json") == 0
    (said,) = strict_lines(capsys.readouterr().out)
    assert (said["method"], said["kind"]) == ("cam", None)
    x, y = said["peak"]
    assert 80 <= x < 160
    assert 44 <= y < 80
