"""Sparse maps and matrices that are linear in coefficients: products and solves."""
