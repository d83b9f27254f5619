"""The networks of an ANN lecture: NumPy, Keras and matplotlib; usable in a notebook."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when TensorFlow is loaded
