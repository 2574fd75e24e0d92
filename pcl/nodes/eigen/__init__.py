"""Eigenvalues and vectors of symmetric sparse pencils, with derivatives of first and second order."""
