from __future__ import annotations

import numpy as np
import pytest

from flawscope.synth.light import Camera, Lamp, Light, Surface, developed, noisy, radiance
from flawscope.synth.noise import ragged_blob, smooth_noise, streaks
from flawscope.values import Box

SIZE = (61, 61)


def even(value):
    return np.full(SIZE, value, dtype=np.float32)


def plate(height=None, spread=(0.1, 0.4)):
    return Surface(
        height=even(0.0) if height is None else height.astype(np.float32),
        tilt=(even(0.0), even(0.0)),
        grain=(even(1.0), even(0.0)),
        spread=(even(spread[0]), even(spread[1])),
        albedo=np.ones((*SIZE, 3), dtype=np.float32),
        solid=even(1.0),
        behind=np.zeros((*SIZE, 3), dtype=np.float32),
    )


def lamps(slope=(0.0, 0.0), drift=0.0):
    return Light((Lamp(1.0, slope, drift),), ambient=0.1, diffuse=0.0, centre=(30.0, 30.0))


def test_highlight_is_drawn_out_across_the_grain():
    seen = radiance(plate(), lamps(drift=0.02))[:, :, 0]
    bright = seen > 0.5 * (seen.max() + seen.min())
    assert bright[:, 30].sum() > 3 * bright[30, :].sum()
    assert np.unravel_index(seen.argmax(), SIZE) == (30, 30)


def test_slope_that_faces_the_lamp_is_bright_and_the_other_dark():
    x = np.arange(61)[None, :] - 30.0
    bowl = np.broadcast_to(0.01 * x * x, SIZE)
    # This lamp stands to the left: facets that rise to the right mirror it.
    seen = radiance(plate(bowl, (0.2, 0.2)), lamps(slope=(0.3, 0.0)))[30, :, 0]
    assert seen[45] > 2 * seen[15]


def test_piece_of_a_surface_looks_as_it_does_in_the_whole():
    height = smooth_noise(np.random.default_rng(0), SIZE, 3.0)
    light = lamps(slope=(0.1, 0.05), drift=0.01)
    whole = radiance(plate(height), light)
    piece = radiance(plate(height).cut(Box(10, 20, 40, 50)), light, (10, 20))
    assert np.allclose(piece[1:-1, 1:-1], whole[21:49, 11:39], atol=1e-5)


def test_nothing_is_seen_of_metal_that_is_not_there():
    surface = plate()
    surface.solid[:, 30:] = 0.0
    seen = radiance(surface, lamps())
    assert (seen[:, 30:] == 0.0).all()
    assert (seen[:, :30] > 0.0).all()


@pytest.mark.parametrize("grey", [True, False])
def test_camera_clips_and_keeps_grey_grey(grey):
    tint = np.array([1.2, 1.0, 0.8], dtype=np.float32)
    camera = Camera(even(1.0), tint, blur=0.0, noise=2.0, grey=grey)
    levels = developed(np.full((*SIZE, 3), 0.25, dtype=np.float32), camera)
    assert levels[:, :, 1].mean() == pytest.approx(127.5, abs=1.5)
    image = noisy(levels, camera, np.random.default_rng(0))
    assert image[:, :, 1].std() == pytest.approx(2.0, abs=0.15)
    assert (image[:, :, 0] == image[:, :, 2]).all() == grey
    assert developed(np.full((*SIZE, 3), 9.0, dtype=np.float32), camera).max() == 255.0


@pytest.mark.parametrize("scale", [1.0, 2.5, 8.0, 40.0, (1.0, 30.0), (200.0, 2.0)])
def test_noise_has_about_unit_variance(scale):
    fields = [smooth_noise(np.random.default_rng(seed), (96, 128), scale) for seed in range(40)]
    assert np.stack(fields).std() == pytest.approx(1.0, abs=0.3)
    assert fields[0].shape == (96, 128)
    assert fields[0].dtype == np.float32


def test_streaks_run_along_their_angle():
    field = streaks(np.random.default_rng(0), (80, 80), np.pi / 2, 1.0, 60.0)
    assert np.abs(np.diff(field, axis=1)).mean() > 5 * np.abs(np.diff(field, axis=0)).mean()


def test_blob_fills_its_ellipse():
    blob = ragged_blob(np.random.default_rng(0), (81, 81), (30.0, 10.0), 0.0, 0.0)
    inside = blob > 0
    assert inside.sum() == pytest.approx(np.pi * 300, rel=0.03)
    assert inside[40].sum() == pytest.approx(60, abs=2)
