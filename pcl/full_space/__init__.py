"""Full space: the solves of a loss as equations, their states as unknowns beside θ."""
