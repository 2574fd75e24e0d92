"""A state defined by an equation, solved by Newton's method."""
