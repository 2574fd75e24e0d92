"""The observables of a model along a trajectory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pcl.dae.model import Model
from pcl.dae.program.equations import reading_of
from pcl.support.types import Array, Blocks


@dataclass(frozen=True, eq=False)
class Observables:
    """h(x', x, y, z, p, u, t) of all observables, at given parameters and inputs.

    Attributes
    ----------
    model : Model, as it was declared
    parameters : (n_p,)
    signals : {input: function t (m,) -> (m,)}
    """

    model: Model
    parameters: Array
    signals: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The observables."""
        return tuple(self.model.observed)

    def __call__(self, t: Array, slopes: Array, values: Blocks,
                 names: Sequence[str] | None = None) -> Blocks:
        """{name: (m,)} at times t (m,), with x' (m, n_x) and {variable: (m,)} there; of all by default
        or of `names`."""
        names = self.names if names is None else names
        if not names:
            return {}
        p = np.broadcast_to(self.parameters, (t.size, len(self.parameters)))
        a = np.concatenate([slopes, np.stack([values[name] for name in self.model.variables], axis=1), p],
                           axis=1)
        u = np.array([self.signals[name](t) for name in self.model.inputs]).reshape(
            len(self.model.inputs), t.size).T
        with np.errstate(all="ignore"):
            return {name: reading_of(self.model, name).residual(a, u, t)[:, 0] for name in names}
