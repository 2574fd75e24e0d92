"""Networks with one flat parameter vector, and their derivatives at many points in NumPy."""
