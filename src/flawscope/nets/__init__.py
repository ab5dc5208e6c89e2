"""The torch modules of the cascade, their starting weights, and their export to ONNX."""

from flawscope.nets.cascade import Answers, SharedCascade
from flawscope.nets.encoder import DEFAULT_ENCODER, build_encoder, freeze
from flawscope.nets.export import export_shared
from flawscope.nets.loading import load_from_graphs

__all__ = [
    "DEFAULT_ENCODER",
    "Answers",
    "SharedCascade",
    "build_encoder",
    "export_shared",
    "freeze",
    "load_from_graphs",
]
