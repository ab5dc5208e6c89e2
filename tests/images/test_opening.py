"""Image files as they come from cameras, scanners and broken disks."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from flawscope.errors import FlawscopeError, ImageError
from flawscope.images import (
    find_images,
    open_image,
    open_mask,
    open_reduced,
    read_size,
    save_image,
)
from flawscope.values import Size

RNG = np.random.default_rng(7)
PICTURE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)


def write(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_rgb_comes_back_to_the_value(tmp_path: Path) -> None:
    save_image(PICTURE, tmp_path / "part.png")
    assert np.array_equal(open_image(tmp_path / "part.png"), PICTURE)


def test_grey_and_one_bit_become_rgb(tmp_path: Path) -> None:
    grey = write(tmp_path / "grey.png", Image.fromarray(PICTURE[..., 0]))
    bits = write(tmp_path / "bits.png", Image.fromarray(PICTURE[..., 0]).convert("1"))
    assert np.array_equal(open_image(grey)[..., 2], PICTURE[..., 0])
    assert set(np.unique(open_image(bits))) <= {0, 255}


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (8, 6), (255, 0, 0, 0))
    opened = open_image(write(tmp_path / "ink.tif", ink))
    assert opened.shape == (6, 8, 3)
    assert opened[0, 0].tolist() == [0, 255, 255]


def test_palette_becomes_its_colours_but_a_mask_keeps_its_indices(tmp_path: Path) -> None:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    path = write(tmp_path / "palette.png", image)
    assert open_image(path)[0, 0].tolist() == [200, 100, 50]
    assert open_mask(path)[0, 0] == 1


def test_transparent_pixels_are_laid_over_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (2, 2), (10, 20, 30, 0))
    assert (open_image(write(tmp_path / "clear.png", clear)) == 255).all()
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30])
    path = write(tmp_path / "clear-palette.png", palette, transparency=0)
    assert (open_image(path) == 255).all()


def test_sixteen_bits_are_scaled_from_the_whole_range(tmp_path: Path) -> None:
    ramp = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for name in ("deep.tif", "deep.png"):
        opened = open_image(write(tmp_path / name, Image.fromarray(ramp)))
        assert opened[0, :, 0].tolist() == [0, 1, 128, 255]
    twelve_bits = open_image(tmp_path / "deep.tif", value_range=(0, 4095))
    assert twelve_bits[0, :, 0].tolist() == [0, 16, 255, 255]


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_unstated_scales_must_be_named(tmp_path: Path, kind: type) -> None:
    values = np.array([[0, 1, 2]], dtype=kind)
    path = write(tmp_path / "unstated.tif", Image.fromarray(values))
    with pytest.raises(ImageError, match="--value-range"):
        open_image(path)
    assert open_image(path, value_range=(0, 2))[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(ImageError, match="2 to 0 is no range"):
        open_image(path, value_range=(2, 0))


def test_the_environment_may_name_the_values_of_black_and_white(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(np.array([[0.0, 0.5, 2.0]], dtype=np.float32)).save(path)
    with pytest.raises(ImageError, match="FLAWSCOPE_VALUE_RANGE"):
        open_image(path)
    monkeypatch.setenv("FLAWSCOPE_VALUE_RANGE", "0 1")
    assert open_image(path)[0, :, 0].tolist() == [0, 128, 255]
    assert open_image(path, value_range=(0.0, 2.0))[0, :, 0].tolist() == [0, 64, 255]
    monkeypatch.setenv("FLAWSCOPE_VALUE_RANGE", "0 to 1")
    with pytest.raises(ImageError, match="'0 to 1' is not two numbers"):
        open_image(path)


@pytest.mark.parametrize(("kind", "colours"), [(np.float32, 3), (np.float64, 1)])
def test_tiffs_of_a_sort_that_is_not_read_are_named_as_such(
    tmp_path: Path, kind: type, colours: int
) -> None:
    path = tmp_path / "deep.tif"
    cv2.imwrite(str(path), np.zeros((4, 5, colours), dtype=kind))
    with pytest.raises(ImageError, match="a TIFF that is cut short, or of a sort"):
        open_image(path)


def test_floating_point_nonsense_is_black_or_white_not_noise(tmp_path: Path) -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]], dtype=np.float32)
    path = write(tmp_path / "nan.tif", Image.fromarray(values))
    assert open_image(path, value_range=(0, 1))[0, :, 0].tolist() == [0, 255, 0, 128]


def test_masks_of_sixteen_bits(tmp_path: Path) -> None:
    labels = write(tmp_path / "l.png", Image.fromarray(np.array([[0, 3]], dtype=np.uint16)))
    binary = write(tmp_path / "b.png", Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)))
    assert open_mask(labels).tolist() == [[0, 3]]
    assert open_mask(binary).tolist() == [[0, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    marked = np.zeros((20, 30, 3), dtype=np.uint8)
    marked[:5, :5] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(tmp_path / "turned.png", Image.fromarray(marked), exif=exif)
    opened = open_image(path)
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    corner |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert opened.shape[:2] == ((30, 20) if orientation > 4 else (20, 30))
    assert opened[corner[orientation]].tolist() == [255, 255, 255]
    assert read_size(path) == Size(*opened.shape[:2])


def test_one_pixel(tmp_path: Path) -> None:
    path = write(tmp_path / "dot.png", Image.new("RGB", (1, 1), (1, 2, 3)))
    assert open_image(path).tolist() == [[[1, 2, 3]]]
    assert read_size(path) == Size(1, 1)


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its few bytes hold."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1 << 16), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed)


@pytest.mark.parametrize("opener", [open_image, open_mask, read_size])
def test_bombs_are_refused_by_a_stated_limit(tmp_path: Path, opener: object) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(20_000, 20_000))
    with pytest.raises(ImageError, match=r"20000 x 20000 pixels .* limit of 120,000,000"):
        opener(path)  # type: ignore[operator]


def test_the_limit_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "part.png", Image.fromarray(PICTURE))
    monkeypatch.setenv("FLAWSCOPE_MAX_PIXELS", "2399")
    with pytest.raises(ImageError, match="FLAWSCOPE_MAX_PIXELS"):
        open_image(path)
    monkeypatch.setenv("FLAWSCOPE_MAX_PIXELS", "2400")
    assert open_image(path).shape == (40, 60, 3)
    monkeypatch.setenv("FLAWSCOPE_MAX_PIXELS", "lots")
    with pytest.raises(ImageError, match="not a number"):
        open_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = write(tmp_path / f"whole{suffix}", Image.fromarray(PICTURE))
    data = path.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError) as caught:
        open_image(cut)
    assert caught.value.where == str(cut)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"just some text\n", "not an image"), (b"\x00" * 500, "not an image")],
)
def test_no_images(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "part.png"
    path.write_bytes(content)
    for opener in (open_image, open_mask, read_size):
        with pytest.raises(ImageError, match=reason):
            opener(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        open_image(tmp_path / "none.png")
    with pytest.raises(ImageError, match="cannot be read"):
        open_image(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        list(find_images([tmp_path / "nowhere"]))


def test_damage_anywhere_is_an_image_error_or_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a disk does to a file, nothing but an ImageError comes out."""
    monkeypatch.setenv("FLAWSCOPE_MAX_PIXELS", "1000000")
    dice = random.Random(3)
    small = Image.fromarray(PICTURE[:20, :20])
    refused = 0
    for suffix, form in (("jpg", "JPEG"), ("png", "PNG"), ("bmp", "BMP"), ("webp", "WEBP")):
        stream = io.BytesIO()
        small.save(stream, form)
        for _ in range(60):
            data = bytearray(stream.getvalue())
            for _ in range(dice.randrange(1, 6)):
                data[dice.randrange(min(200, len(data)))] = dice.randrange(256)
            path = tmp_path / f"damaged.{suffix}"
            path.write_bytes(data)
            try:
                assert open_image(path).dtype == np.uint8
            except FlawscopeError:
                refused += 1
    assert refused > 50


def test_folders_are_searched_in_order_and_hidden_files_left(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.JPG", ".hidden/3.png", "a/.4.png", "a/notes.txt", "0.tif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in find_images([tmp_path])]
    assert found == ["0.tif", "a/1.JPG", "b/2.png"]
    named = list(find_images([tmp_path / "a/notes.txt"]))
    assert named == [tmp_path / "a/notes.txt"]


@pytest.mark.parametrize("turn", [1, 3, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_is_reduced_no_further_than_asked(
    tmp_path: Path, mode: str, turn: int
) -> None:
    picture = np.kron(PICTURE[:20, :30], np.ones((20, 20, 1), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = turn
    image = Image.fromarray(picture).convert(mode)
    path = write(tmp_path / "a.jpg", image, exif=exif, quality=95)
    whole = np.asarray(Image.fromarray(open_image(path)).convert("L"), dtype=np.float64)
    reduced, size = open_reduced(path, Size(90, 90))
    assert size == whole.shape == ((600, 400) if turn == 6 else (400, 600))
    assert reduced.shape[:2] == (size.height / 4, size.width / 4)
    grey = np.asarray(Image.fromarray(reduced).convert("L"), dtype=np.float64)
    blocks = whole.reshape(reduced.shape[0], 4, reduced.shape[1], 4).mean(axis=(1, 3))
    assert np.abs(grey - blocks).mean() < 4
    assert np.corrcoef(grey.ravel(), blocks.ravel())[0, 1] > 0.99


def test_what_is_small_or_no_jpeg_comes_whole(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        save_image(PICTURE, tmp_path / name)
        reduced, size = open_reduced(tmp_path / name, Size(30, 30))
        assert size == (40, 60)
        assert np.array_equal(reduced, open_image(tmp_path / name))
    assert open_reduced(tmp_path / "a.png", Size(2, 2))[0].shape == (40, 60, 3)
    assert open_reduced(tmp_path / "a.jpg", Size(40, 20))[0].shape == (40, 60, 3)


def test_a_jpeg_cut_short_is_refused_reduced_as_well(tmp_path: Path) -> None:
    save_image(np.kron(PICTURE, np.ones((8, 8, 1), dtype=np.uint8)), tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ImageError, match="damaged or truncated"):
        open_reduced(tmp_path / "a.jpg", Size(40, 60))


@pytest.mark.parametrize("suffix", ["tif", "gif", "png", "webp"])
def test_several_images_in_one_file_are_refused(tmp_path: Path, suffix: str) -> None:
    pages = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
    path = tmp_path / f"pages.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    for opener in (open_image, read_size):
        with pytest.raises(ImageError, match="holds several images") as told:
            opener(path)
        assert told.value.where == str(path)


def test_a_preview_or_a_mask_beside_an_image_is_none(tmp_path: Path) -> None:
    image, mask = Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)
    path = tmp_path / "pyramid.tif"
    image.save(path, save_all=True, append_images=[image.reduce(2)])
    assert (open_image(path) == PICTURE).all()
    mask.encoderinfo = {"tiffinfo": {254: 4}}
    image.save(path, save_all=True, append_images=[mask])
    assert (open_image(path) == PICTURE).all()
    image.save(path, save_all=True, append_images=[image.reduce(2), image])
    with pytest.raises(ImageError, match="holds several images"):
        open_image(path)


@pytest.mark.parametrize("named", [(0.0, float("inf")), (float("-inf"), 1.0), (1.0, float("nan"))])
def test_a_range_without_an_end_is_none(tmp_path: Path, named: tuple[float, float]) -> None:
    path = write(tmp_path / "a.tif", Image.fromarray(PICTURE[..., 0].astype(np.float32)))
    with pytest.raises(ImageError, match="is no range of values"):
        open_image(path, value_range=named)
