"""What the point returned by a run is: a minimum, a limit of rounding, a saddle or a flat tail."""
