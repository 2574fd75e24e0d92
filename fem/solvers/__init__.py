"""Solves and marches with Dirichlet data, for spaces and grids alike."""
