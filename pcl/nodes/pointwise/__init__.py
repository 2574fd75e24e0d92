"""Small equations, one at every point, solved together."""
