"""What a prediction or simulation with trained laws returns."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from pcl.dae.result.band import Band
from pcl.dae.result.curve import Curve
from pcl.dae.result.limits import Violation
from pcl.support.types import Array, Blocks


class Status(enum.Enum):
    """How a prediction was found; the value is a sentence."""

    SIMULATED = "Solved: the simulation keeps all bounds and path constraints."
    KEPT = "Solved under the bounds: all equations, bounds and path constraints hold."
    SHIFTED = "Solved with slack: bounds and path constraints hold, with the laws' outputs shifted."
    CONTRADICTION = ("Not solved: no solution was found that keeps the bounds and path constraints with "
                     "the laws as they are trained. Ask for slack=True, which shifts the laws' outputs "
                     "as little as possible, or for simulate.")
    VIOLATED = "Simulated to the end; bounds or path constraints are violated. Use predict to keep them."
    STOPPED = "The simulation stopped before the end."

    @property
    def success(self) -> bool:
        """Whether equations, bounds and path constraints hold to the end."""
        return self in (Status.SIMULATED, Status.KEPT, Status.SHIFTED)


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted trajectory; all numbers but `error` are in the units of the model.

    Attributes
    ----------
    t : (n,) times asked for, as far as the solution reaches
    values : {name: (n,)} of states, algebraic variables, outputs and observables
        Of the simulation without bounds where the status is CONTRADICTION.
    curve : Curve, the collocation polynomial, on the elements used
    status : Status
    message : its sentence with details
    error : largest estimated error of an element relative to the sizes of training, None if unknown
    errors : {name: largest estimated error of an element}, empty if unknown
    slack : {output: (n_nodes,)}, z − law at the nodes; empty without
    violations : {what: largest violation at the nodes}
    between : {what: Violation}, the largest between the nodes, with its time, of those above rounding
    simulation : Prediction by step control alone, where the status is CONTRADICTION; else None
    events : tuple of (time, name) of conditions that were met, see `Trained.simulate`
    outside : {outputs of a law: {input: (least, largest) it was asked at}}, of inputs that leave the
        range the law was trained on by more than a twentieth; the message says so, too
    bands : {name: Band}, values with standard errors, of a simulation that was asked for them

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> ahead = decay.predict({"x": 2.0}, t=[0.0, 1.0, 2.0])
    >>> ahead["x"].round(4).tolist(), ahead.status.name
    ([2.0, 1.213, 0.7358], 'SIMULATED')
    """

    t: Array
    values: Blocks
    curve: Curve
    status: Status
    message: str
    error: float | None
    errors: dict[str, float]
    slack: Blocks
    violations: dict[str, float]
    between: dict[str, Violation]
    simulation: Prediction | None = None
    events: tuple[tuple[float, str], ...] = ()
    outside: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    bands: dict[str, Band] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether equations, bounds and path constraints hold to the end.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> decay.predict({"x": 2.0}, t=[0.0, 1.0]).success
        True
        """
        return self.status.success

    def to_frame(self) -> Any:
        """The values as a pandas.DataFrame with the column t.

        Raises
        ------
        ImportError
            pandas is not there (extra `frames`).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> print(decay.predict({"x": 2.0}, t=[0.0, 1.0]).to_frame().round(3))
             t      x
        0  0.0  2.000
        1  1.0  1.213
        """
        from pcl.dae.result.frames import prediction_frame
        return prediction_frame(self.t, self.values)

    def to_xarray(self) -> Any:
        """The values as a xarray.Dataset over t.

        Raises
        ------
        ImportError
            xarray is not there (extra `frames`).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> float(decay.predict({"x": 2.0}, t=[0.0, 1.0]).to_xarray()["x"][1].round(3))
        1.213
        """
        from pcl.dae.result.frames import prediction_dataset
        return prediction_dataset(self.t, self.values, self.message)

    def __getitem__(self, name: str) -> Array:
        return self.values[name]
