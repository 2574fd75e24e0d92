"""Meshes refined where the error of a quantity comes from, or that of a fit's parameters."""
