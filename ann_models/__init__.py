"""The networks of an ANN lecture: NumPy, Keras and matplotlib; usable in a notebook."""
