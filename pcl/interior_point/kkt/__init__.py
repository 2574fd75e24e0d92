"""The linear system of a step: backends behind one protocol, inertia, multipliers."""
