"""Parts with defects at known places, and what a model might have said of them."""

import numpy as np

from flawscope.masks import bounding_box, encode
from flawscope.report import Comparison
from flawscope.runtime import Examination
from flawscope.values import (
    Defect,
    Inspection,
    Label,
    Manifest,
    Policy,
    Sample,
    Size,
    Stage,
    Verdict,
)

KINDS = ("crack", "pit", "stain")
POLICY = Policy(accept_below=0.3, reject_above=0.7)
MANIFEST = Manifest(
    name="tester",
    kinds=KINDS,
    stages=(
        Stage(
            name="all",
            graph="all.onnx",
            inputs=("image",),
            outputs=("screen", "kinds", "masks"),
            channels=KINDS,
        ),
    ),
    policy=POLICY,
)


def photo(height=120, width=160, seed=0):
    grey = np.random.default_rng(seed).integers(60, 200, (height, width, 1), dtype=np.uint8)
    return grey.repeat(3, axis=2)


def defect(kind, rows, columns, size=(120, 160), score=0.9):
    mask = np.zeros(size, dtype=bool)
    mask[slice(*rows), slice(*columns)] = True
    return Defect(kind, bounding_box(mask), encode(mask), score)


def inspection(name="part.png", score=0.9, defects=(), size=(120, 160), reasons=("looks odd",)):
    kinds = dict.fromkeys(KINDS, 0.1) | {found.kind: found.score for found in defects}
    return Inspection(
        id=name,
        size=Size(*size),
        verdict=POLICY.verdict(score),
        score=score,
        kinds=kinds,
        defects=tuple(defects),
        reasons=tuple(reasons),
        model="ab" * 32,
        seconds={"open": 0.002, "all": 0.01},
    )


def examination(name="part.png", score=0.9, defects=(), seed=0, **more):
    found = inspection(name, score, defects, **more)
    heat = None if found.verdict is Verdict.ACCEPT else np.zeros(found.size, dtype=np.float32)
    return Examination(found, photo(*found.size, seed=seed), heat)


def comparison(name="part.png", score=0.9, truth=(), found=(), size=(120, 160)):
    sample = Sample(
        id=name,
        image=name,
        size=Size(*size),
        label=Label.DEFECTIVE if truth else Label.GOOD,
        defects=tuple(truth),
        kinds=tuple(dict.fromkeys(one.kind for one in truth)),
    )
    return Comparison(sample, examination(name, score, found, size=size))
