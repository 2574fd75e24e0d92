"""Unknown coefficients of an equation, and what is asked of them before any data."""
