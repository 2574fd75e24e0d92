"""Is the mesh, the time grid, the order fine enough? Shifts in units of standard errors."""
