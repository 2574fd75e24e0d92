"""What elements and differences share: coefficients, conditions, observation, free unknowns."""
