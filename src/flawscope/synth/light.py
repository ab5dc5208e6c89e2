"""How a metal surface looks under lamps, and what a camera makes of it.

Slopes of heights are in pixels a pixel. A lamp is seen in a facet whose slope is halfway between
the lamp and the camera, so lamps are given by that slope; facets scatter around the local slope by
a Gaussian that is narrow along the grain and wide across it (Ward 1992), which draws highlights
out across brushing and lets them turn with the light on turned faces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.synth.noise import Field, blurred, chance, log_uniform, smooth_noise
from flawscope.values import Box

Colours = NDArray[np.float32]
"""Three numbers a pixel: (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A piece of metal, pixel by pixel; all fields are float32 of one (height, width).

    Attributes:
        height: of the texture, in pixels towards the camera.
        tilt: slopes (x, y) of the shape that carries the texture, which may be steep.
        grain: unit vector (x, y) along the grain.
        spread: standard deviation of facet slopes, along and across the grain.
        albedo: share of light given back, by colour: (height, width, 3).
        solid: 1 where there is metal, 0 where the picture shows what is behind it.
        behind: radiance of what is behind: (height, width, 3).
    """

    height: Field
    tilt: tuple[Field, Field]
    grain: tuple[Field, Field]
    spread: tuple[Field, Field]
    albedo: Colours
    solid: Field
    behind: Colours

    def cut(self, box: Box) -> Surface:
        """The part of it inside a box."""
        window = np.s_[box.top : box.bottom, box.left : box.right]
        return Surface(
            self.height[window],
            (self.tilt[0][window], self.tilt[1][window]),
            (self.grain[0][window], self.grain[1][window]),
            (self.spread[0][window], self.spread[1][window]),
            self.albedo[window],
            self.solid[window],
            self.behind[window],
        )


@dataclass(frozen=True, slots=True)
class Lamp:
    """One lamp.

    Attributes:
        power: radiance of a facet that mirrors it straight into the camera.
        slope: (x, y) of a facet in the middle of the picture that does so.
        drift: change of that slope a pixel, from the nearness of lamp and camera.
    """

    power: float
    slope: tuple[float, float]
    drift: float


@dataclass(frozen=True, slots=True)
class Light:
    """Lamps, and the light that comes from everywhere.

    Attributes:
        lamps: seen by mirroring facets.
        ambient: radiance of a white facet in the light from everywhere.
        diffuse: radiance that a matte facet facing the first lamp adds.
        centre: (x, y) of the picture, where the lamps' slopes hold.
    """

    lamps: tuple[Lamp, ...]
    ambient: float
    diffuse: float
    centre: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """What becomes of radiance: gain by pixel, optics, and the sensor's noise.

    Attributes:
        gain: (height, width) of exposure, fall-off to the corners and uneven light.
        tint: (3,) of light and white balance.
        blur: standard deviation of the optics' blur in pixels.
        noise: standard deviation of the sensor's noise in grey levels, in mid grey.
        grey: whether all three colours carry the same picture.
    """

    gain: Field
    tint: NDArray[np.float32]
    blur: float
    noise: float
    grey: bool


def draw_light(rng: np.random.Generator, size: tuple[int, int]) -> Light:
    """One to three lamps, some right above the part, some raking it."""
    height, width = size
    lamps = []
    for _ in range(int(rng.integers(1, 4))):
        towards = rng.uniform(0.0, 2.0 * math.pi)
        tilt = abs(rng.normal(0.0, 0.3)) + 0.02
        drift = log_uniform(rng, 0.05, 0.8) / max(height, width)
        slope = (tilt * math.cos(towards), tilt * math.sin(towards))
        lamps.append(Lamp(log_uniform(rng, 0.3, 1.5), slope, drift))
    return Light(
        tuple(lamps),
        ambient=log_uniform(rng, 0.1, 0.6),
        diffuse=log_uniform(rng, 0.1, 0.6),
        centre=((width - 1) / 2, (height - 1) / 2),
    )


def slopes(height: Field) -> tuple[Field, Field]:
    """Slopes (x, y) of a height map, by central differences."""
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    return np.asarray(across, dtype=np.float32), np.asarray(down, dtype=np.float32)


def radiance(surface: Surface, light: Light, corner: tuple[int, int] = (0, 0)) -> Colours:
    """What a camera straight above sees of a surface: float32 (height, width, 3), linear.

    Args:
        surface: the whole picture or a piece of it.
        light: that falls on it.
        corner: (left, top) of the piece in the picture.
    """
    rise_x, rise_y = slopes(surface.height)
    rise_x = rise_x + surface.tilt[0]
    rise_y = rise_y + surface.tilt[1]
    first = light.lamps[0].slope
    level = np.asarray(1.0 / np.sqrt(1.0 + rise_x * rise_x + rise_y * rise_y), dtype=np.float32)
    facing = (1.0 + 2.0 * (rise_x * first[0] + rise_y * first[1])) * level
    seen = np.float32(light.ambient) * (np.float32(0.4) + np.float32(0.6) * level)
    seen += light.diffuse * np.maximum(facing, 0.0)
    rows, columns = surface.height.shape
    x = np.arange(columns, dtype=np.float32)[None, :] + (corner[0] - light.centre[0])
    y = np.arange(rows, dtype=np.float32)[:, None] + (corner[1] - light.centre[1])
    narrow, wide = (-0.5 / (spread * spread) for spread in surface.spread)
    grain_x, grain_y = surface.grain
    for lamp in light.lamps:
        off_x = rise_x - (lamp.slope[0] + lamp.drift * x)
        off_y = rise_y - (lamp.slope[1] + lamp.drift * y)
        along = off_x * grain_x + off_y * grain_y
        across = off_y * grain_x - off_x * grain_y
        seen += lamp.power * np.exp(along * along * narrow + across * across * wide)
    solid = surface.solid[:, :, None]
    given: Colours = surface.albedo * seen[:, :, None] * solid + surface.behind * (1.0 - solid)
    return given


def draw_camera(rng: np.random.Generator, seen: Colours, solid: Field) -> Camera:
    """A camera whose exposure suits what it sees, more or less."""
    height, width = solid.shape
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    lift = rng.normal(0.0, 0.25, size=2)
    fall = rng.uniform(0.0, 0.35) if chance(rng, 0.6) else 0.0
    gain = np.exp(lift[0] * x + lift[1] * y) * (1.0 - fall * 0.5 * (x * x + y * y))
    if chance(rng, 0.4):
        patchy = smooth_noise(rng, (height, width), max(height, width) / 2.5)
        gain *= np.exp(rng.uniform(0.05, 0.25) * patchy)
    metal = np.maximum(solid, 1e-3)
    mean = float((seen[:, :, 1] * gain * metal).sum() / metal.sum())
    gain *= log_uniform(rng, 0.07, 0.55) / max(mean, 1e-4)
    grey = chance(rng, 0.45)
    tint = np.ones(3) if grey else np.exp(rng.normal(0.0, 0.05) * np.array([1.0, 0.1, -1.0]))
    return Camera(
        gain.astype(np.float32),
        tint.astype(np.float32),
        blur=max(0.0, rng.normal(0.5, 0.4)),
        noise=log_uniform(rng, 0.4, 4.0),
        grey=grey,
    )


def developed(seen: Colours, camera: Camera, corner: tuple[int, int] = (0, 0)) -> Colours:
    """Grey levels 0-255 without noise: float32 (height, width, 3), gamma 2, clipped."""
    rows, columns = seen.shape[:2]
    left, top = corner
    gain = camera.gain[top : top + rows, left : left + columns]
    exposed = seen * (gain[:, :, None] * camera.tint)
    if camera.blur > 0.2:
        exposed = blurred(exposed, camera.blur)
    levels: Colours = 255.0 * np.sqrt(np.clip(exposed, 0.0, 1.0))
    if camera.grey:
        red, green, blue = (levels[:, :, band] for band in range(3))
        levels = np.repeat(((red + green + blue) / np.float32(3.0))[:, :, None], 3, axis=2)
    return levels


def noisy(levels: Colours, camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Grey levels as the sensor gives them: shot noise, rounding, clipping."""
    shape = (*levels.shape[:2], 1 if camera.grey else 3)
    grain = rng.standard_normal(shape, dtype=np.float32)
    # Gamma evens shot noise out: what is left is nearly the same in every grey above the darkest.
    grain *= np.float32(camera.noise)
    rounded: NDArray[np.uint8] = np.clip(np.rint(levels + grain), 0.0, 255.0).astype(np.uint8)
    return rounded
