"""Other ways in: SciPy's arguments, programs from TensorFlow functions."""
