"""The torch modules of the cascade, their starting weights, and their export to ONNX."""

from flawscope.nets.cascade import SharedCascade
from flawscope.nets.classifier import Classifier
from flawscope.nets.decoders import DECODERS, DEFAULT_DECODER
from flawscope.nets.encoder import DEFAULT_ENCODER, build_encoder, freeze
from flawscope.nets.export import Exported, export
from flawscope.nets.loading import load_from_graphs
from flawscope.nets.mask_rcnn import MaskRCNN, Target
from flawscope.nets.network import Answers, Network
from flawscope.nets.rebuilding import rebuild
from flawscope.nets.segmenter import Segmenter

__all__ = [
    "DECODERS",
    "DEFAULT_DECODER",
    "DEFAULT_ENCODER",
    "Answers",
    "Classifier",
    "Exported",
    "MaskRCNN",
    "Network",
    "Segmenter",
    "SharedCascade",
    "Target",
    "build_encoder",
    "export",
    "freeze",
    "load_from_graphs",
    "rebuild",
]
