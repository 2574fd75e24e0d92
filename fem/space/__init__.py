"""Finite element spaces: elements, quadrature, maps on cells and boundaries, weak forms."""
