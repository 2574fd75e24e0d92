"""Pairs of a vector and a scalar field of equal order, which are unstable without stabilisation."""

import warnings
from dataclasses import dataclass

from fem.space.element import describe, scalar_part

_DERIVATIVES = ("gradient", "divergence")


@dataclass(frozen=True)
class Pair:
    """A velocity (or displacement) and a pressure of the same continuous Lagrange element."""

    vector: str
    scalar: str
    element: str

    @property
    def sentence(self):
        """What is wrong with it."""
        return (f"Fields {self.vector!r} and {self.scalar!r} are both {self.element}, an unstable pair: "
                f"{self.scalar!r} only multiplies a divergence, and has oscillations that no "
                f"{self.vector!r} sees. Raise the order of the vector field (fem.vector('P2') with "
                "'P1'), take fem.vector('MINI') with 'P1', or add a stabilisation that contains the "
                f"gradient of {self.scalar!r}.")


def equal_order(space):
    """The pairs of a space that would be unstable, by their elements alone."""
    fields = space.fields.values()
    return [Pair(u.name, p.name, describe(p.element)) for u in fields for p in fields
            if u.shape == (space.dim,) and u.components > 1 and not p.shape and p.is_continuous
            and p.is_nodal and type(scalar_part(u.element)) is type(p.element)]


def warn_of_unstable(space, linked, stacklevel=4):
    """Warn of pairs of equal order whose scalar field has no block of its own.

    Parameters
    ----------
    linked : {((field, quantity) returned, (field, quantity) asked)}
        Which densities depend on which quantities.

    Warns
    -----
    RuntimeWarning
    """
    for pair in equal_order(space):
        u, p = pair.vector, pair.scalar
        own = any(test[0] == p == trial[0] for test, trial in linked)
        couples = any(test == (p, "value") and trial[0] == u and trial[1] in _DERIVATIVES
                      for test, trial in linked)
        if couples and not own:
            warnings.warn(pair.sentence, RuntimeWarning, stacklevel=stacklevel)
