"""Differential-algebraic equations with unknown terms, trained by the simultaneous approach."""
