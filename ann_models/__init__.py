"""The networks of an ANN lecture: NumPy, Keras and matplotlib; usable in a notebook."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported
