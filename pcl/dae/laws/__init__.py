"""Unknown terms of a model: networks, free trajectories, and laws that are trained."""
