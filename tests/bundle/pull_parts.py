"""What the tests of pulling share: models to serve, and a pull that looks at what has come."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from flawscope.bundle import Bundle, Pulled
from flawscope.bundle.downloading import Patience
from flawscope.bundle.pulling import pull
from model_server import ModelServer
from toy_models import shared_members, write_model

QUICK = Patience(tries=3, wait=0.001, longest_wait=0.01, timeout=0.25)
KIB = 1 << 10

Models = tuple[bytes, bytes]


def model_of(seed: int, path: Path) -> bytes:
    """A model file of some 600 KiB that cannot be packed any smaller."""
    picture = np.random.default_rng(seed).bytes(600 * KIB)
    members = {**shared_members(), "validation.png": picture}
    return write_model(path, members=members).read_bytes()


def fetch(server: ModelServer, **options: object) -> Pulled:
    """Pulls what the server has, and makes sure that this is what is there."""
    pulled = pull(server.url, patience=QUICK, **options)  # type: ignore[arg-type]
    assert pulled.path.read_bytes() == server.data
    assert pulled.digest == sha(server.data) == Bundle.open(pulled.path).digest
    assert pulled.size == len(server.data)
    return pulled


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def partials(cache: Path) -> list[Path]:
    return list(cache.glob("*.partial*"))
