"""Meshes: built or read, checked, with their geometry, facets and the cells around a point."""
