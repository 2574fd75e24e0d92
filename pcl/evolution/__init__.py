"""Equations of evolution and how they are marched through time: systems, times, schemes."""
