import numpy as np
import pytest
from report_parts import defect, inspection, photo

from flawscope.report import overlay
from flawscope.report.overlay import MOST_LABELS, enlargement
from flawscope.report.palette import KIND_COLOURS, VERDICT_COLOURS, ink_on, rgb
from flawscope.values import UNNAMED, Box, Defect, Verdict

SIZE = (400, 500)


def below_band(picture, image, factor=1):
    return picture[picture.shape[0] - image.shape[0] * factor :]


def test_a_part_without_defects_is_only_given_a_band():
    image = photo(*SIZE)
    picture = overlay(image, inspection(score=0.1, size=SIZE))
    assert (below_band(picture, image) == image).all()
    assert picture.shape[0] > SIZE[0]
    assert picture.shape[1] == SIZE[1]


def test_a_defects_own_pixels_and_those_far_from_it_stay_as_photographed():
    image = photo(*SIZE)
    before = image.copy()
    found = defect("crack", (200, 230), (150, 260), SIZE)
    picture = overlay(image, inspection(defects=[found], size=SIZE))
    changed = (below_band(picture, image) != image).any(axis=2)
    assert (image == before).all()
    assert not changed[200:230, 150:260].any()
    assert changed[200:230, 140:150].any(axis=1).all(), "an outline runs along the whole side"
    near = np.zeros(SIZE, dtype=bool)
    near[170:260, 140:270] = True
    assert not changed[~near].any()


@pytest.mark.parametrize(("score", "verdict"), [(0.1, "accept"), (0.5, "review"), (0.9, "reject")])
def test_the_band_has_the_verdicts_colour(score, verdict):
    image = photo(*SIZE)
    picture = overlay(image, inspection(score=score, size=SIZE))
    assert tuple(picture[0, -1]) == rgb(VERDICT_COLOURS[Verdict(verdict)])


def test_outlines_have_their_kinds_colours():
    image = photo(*SIZE)
    found = [
        defect(kind, (100 + 90 * i, 120 + 90 * i), (200, 240), SIZE)
        for i, kind in enumerate(("crack", "pit", "stain"))
    ]
    picture = below_band(overlay(image, inspection(defects=found, size=SIZE)), image)
    for i in range(3):
        assert tuple(picture[110 + 90 * i, 241]) == rgb(KIND_COLOURS[i])


def test_small_pictures_are_enlarged_by_repeating_pixels():
    image = photo(60, 90)
    picture = overlay(image, inspection(score=0.1, size=(60, 90)))
    factor = enlargement(60, 90)
    assert factor == 4
    assert (below_band(picture, image, factor)[::factor, ::factor] == image).all()


def test_an_outline_of_an_enlarged_defect_is_in_its_place():
    image = photo(60, 90)
    found = defect("pit", (20, 30), (40, 50), (60, 90))
    picture = below_band(overlay(image, inspection(defects=[found], size=(60, 90))), image, 4)
    assert (picture[80:120:4, 160:200:4] == image[20:30, 40:50]).all()
    assert tuple(picture[100, 159]) == rgb(KIND_COLOURS[1])


@pytest.mark.parametrize("size", [(1, 1), (4, 3000), (3000, 4), (100, 100)])
def test_pictures_of_any_shape_can_be_drawn(size):
    image = photo(*size)
    found = defect("crack", (0, size[0]), (0, size[1]), size)
    assert overlay(image, inspection(defects=[found], size=size)).dtype == np.uint8


def test_a_defect_known_by_its_box_alone_is_outlined_outside_that_box():
    image = photo(*SIZE)
    found = Defect("crack", Box(100, 50, 180, 90), None, 0.8)
    picture = below_band(overlay(image, inspection(defects=[found], size=SIZE)), image)
    assert (picture[50:90, 100:180] == image[50:90, 100:180]).all()
    assert tuple(picture[70, 99]) == rgb(KIND_COLOURS[0])


def test_many_defects_and_names_of_any_alphabet_can_be_drawn():
    image = photo(*SIZE)
    found = [
        defect(kind, (10 * i, 10 * i + 3), (5 * i, 5 * i + 4), SIZE)
        for i, kind in enumerate(["Riß", "裂纹", UNNAMED, "a" * 500, ""] * 8)
    ]
    assert len(found) > MOST_LABELS
    overlay(
        image,
        inspection(defects=found, size=SIZE, reasons=("裂纹",)),
    )


def contrast(first, second):
    def luminance(colour):
        shares = [value / 255 for value in rgb(colour)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_letters_can_be_read_on_every_colour():
    for colour in (*KIND_COLOURS, *VERDICT_COLOURS.values()):
        assert contrast(colour, ink_on(colour)) >= 4.5
    for colour in VERDICT_COLOURS.values():
        assert contrast(colour, "#ffffff") >= 4.5
