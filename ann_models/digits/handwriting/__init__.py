"""Generated handwriting: digits as people all over the world write them, from a seed."""

from ann_models.digits.handwriting.generator import Handwriting, write

__all__ = ["Handwriting", "write"]
