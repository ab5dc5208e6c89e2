"""Datasets: any layout in, problems named, splits by group, other layouts out."""

from flawscope.data.detection import LAYOUTS, Detection, detect
from flawscope.data.reading import read

__all__ = ["LAYOUTS", "Detection", "detect", "read"]
