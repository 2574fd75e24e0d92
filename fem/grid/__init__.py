"""Finite differences on tensor-product grids, with the forms of a space."""
