"""Training: a table entry and data in, trained Keras networks out."""

from ann_models import tensorflow_import  # noqa: F401
from ann_models.training.result import Training
from ann_models.training.trainer import train

__all__ = ["Training", "train"]
