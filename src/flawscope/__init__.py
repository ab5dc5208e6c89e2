"""Says from a photograph whether a metal part is good, what is wrong with it, and where."""

__version__ = "0.1.0"
