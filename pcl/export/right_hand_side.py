"""A model with its laws and parameters as CasADi expressions.

    x' = ode(x, y, u, p, t),   0 = alg(x, y, u, p, t)

from the graph of the model's own functions at one point, operation by operation, with the laws put in the
place of the outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.dae.model import Model, Variables
from pcl.dae.program.pointwise import equations
from pcl.dae.result.trained import Trained
from pcl.export.casadi_function import FUNCTIONS, expression
from pcl.export.layers import layers_of
from pcl.export.packages import package


@dataclass(frozen=True, eq=False)
class CasadiModel:
    """Rates and equations of a model, its laws included, as one CasADi function.

    Attributes
    ----------
    states, algebraic, inputs, parameters : names, in the order of the function's arguments
    function : casadi.Function (x, y, u, p, t) -> (ode, alg, outputs)
    outputs : names of what the laws give
    values : {parameter: value found}

    Examples
    --------
    >>> from pcl import dae, export
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> found = export.casadi_model(decay)
    >>> float(found.rates({"x": 2.0})["x"])
    -1.0
    """

    states: tuple[str, ...]
    algebraic: tuple[str, ...]
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    function: Any
    values: dict[str, float]

    def rates(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """{state: x'}: what do-mpc's `set_rhs` takes. Parameters have the values found unless given.

        Parameters
        ----------
        known : {name: symbol or number}, of states, algebraic variables and inputs, and "t" if it occurs

        Raises
        ------
        ValueError
            A name that is missing or unknown.

        Examples
        --------
        >>> import casadi
        >>> from pcl import dae, export
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> print(export.casadi_model(decay).rates({"x": casadi.SX.sym("x")})["x"])
        (-(0.5*x))
        """
        return dict(zip(self.states, self._split(self._called(known)[0], len(self.states))))

    def residuals(self, known: Mapping[str, Any]) -> list[Any]:
        """The algebraic equations, = 0, as expressions: what do-mpc's `set_alg` takes.

        Parameters
        ----------
        known : as in `rates`

        Raises
        ------
        ValueError
            A name that is missing or unknown.

        Examples
        --------
        >>> from pcl import dae, export
        >>> model = dae.Model(states=["x"], algebraic=["y"], rates=lambda v: {"x": -v.y},
        ...                   equations=lambda v: [v.y - v.x ** 2])
        >>> system = dae.Trained(model, laws=(), parameters={}, scheme=("radau", 3), element=1.0,
        ...                      sizes={"x": 1.0, "y": 1.0}, typical={"x": 1.0, "y": 1.0})
        >>> [float(r) for r in export.casadi_model(system).residuals({"x": 3.0, "y": 10.0})]
        [1.0]
        """
        return self._split(self._called(known)[1], len(self.algebraic))

    def dae(self) -> dict[str, Any]:
        """The dict that `casadi.integrator` takes: x, z, u, p, t, ode and alg, of symbols of its own.

        Examples
        --------
        >>> import casadi
        >>> from pcl import dae, export
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
        ...                     sizes={"x": 1.0}, typical={"x": 1.0})
        >>> solver = casadi.integrator("solver", "cvodes", export.casadi_model(decay).dae(), 0.0, 1.0)
        >>> round(float(solver(x0=2.0, p=0.5)["xf"]), 3)
        1.213
        """
        ca = package("casadi", "casadi")
        x, z, u, p = (ca.SX.sym(name, len(group)) for name, group in zip(
            "xzup", (self.states, self.algebraic, self.inputs, self.parameters)))
        t = ca.SX.sym("t")
        ode, alg, _ = self.function(x, z, u, p, t)
        return {"x": x, "z": z, "u": u, "p": p, "t": t, "ode": ode, "alg": alg}

    def _called(self, known):
        ca = package("casadi", "casadi")
        known = {"t": 0.0, **self.values, **known}
        groups = self.states, self.algebraic, self.inputs, self.parameters
        absent = [name for group in groups for name in group if name not in known]
        if absent:
            raise ValueError(f"known has no {absent[0]!r}; expected "
                             f"{', '.join(name for group in groups[:3] for name in group)}.")
        columns = [ca.vertcat(*(known[name] for name in group)) for group in groups]
        return self.function(*columns, known["t"])

    @staticmethod
    def _split(column, n):
        return [column[i] for i in range(n)]


def casadi_model(fit: Any, *, name: str = "model") -> CasadiModel:
    """The `CasadiModel` of a `Fit`, or of what `pcl.dae.load` gives.

    Parameters
    ----------
    fit : Fit or Trained
    name : str, of the CasADi function

    Raises
    ------
    ImportError
        CasADi is not there (extra `casadi`).
    ValueError
        A state without a rate: the equations are not of the form above.
    TypeError
        An operation without a counterpart in CasADi (it is named), a law that cannot be written down.

    Returns
    -------
    CasadiModel

    Examples
    --------
    >>> from pcl import dae, export
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> decay = dae.Trained(model, laws=(), parameters={"k": 0.5}, scheme=("radau", 3), element=1.0,
    ...                     sizes={"x": 1.0}, typical={"x": 1.0})
    >>> found = export.casadi_model(decay)
    >>> found.states, found.values
    (('x',), {'k': 0.5})
    """
    ca = package("casadi", "casadi")
    trained = fit if isinstance(fit, Trained) else fit.trained
    model = trained.model
    groups = model.states, model.algebraic, model.inputs, model.parameters
    symbols = [ca.SX.sym(group, len(names)) for group, names in zip("xyup", groups)]
    t = ca.SX.sym("t")
    known = {name: column[i] for names, column in zip(groups, symbols) for i, name in enumerate(names)}
    known["t"] = t
    known |= _outputs(ca, trained.laws, known)
    rows = _rows(ca, model, known)
    ode = ca.vertcat(*(rows[state] for state in model.states))
    alg = ca.vertcat(*(row for row_name, row in rows.items() if row_name not in model.states))
    z = ca.vertcat(*(known[output] for output in model.outputs))
    function = ca.Function(name, [*symbols, t], [ode, alg, z], ["x", "y", "u", "p", "t"],
                           ["ode", "alg", "outputs"])
    return CasadiModel(*groups[:3], groups[3], model.outputs, function,
                       {name: trained.parameters[name] for name in model.parameters
                        if name in trained.parameters})


def _outputs(ca, laws, known):
    """{output: expression}."""
    found: dict[str, Any] = {}
    for law in laws:
        for inputs, outputs in law.law.places:
            z = expression(ca, layers_of(law), ca.vertcat(*(known[name] for name in inputs)))
            found |= {name: z[i] for i, name in enumerate(outputs)}
    return found


def _rows(ca, model: Model, known):
    """{state: rate, equation: residual} as expressions; x' in an equation is the rate."""
    graph = _Graph(model)
    missing = [state for state in model.states if state not in graph.rates]
    if missing:
        raise ValueError(f"the state {missing[0]!r} has no rate in `rates`; expected one of every state: "
                         "CasADi's form is x' = ode, 0 = alg. Write implicit equations with an algebraic "
                         "variable for x'.")
    zero = dict.fromkeys(model.states, 0.0)
    rates = {state: -graph.value(ca, graph.rows[state], known, zero) for state in model.states}
    others = {name: graph.value(ca, row, known, rates) for name, row in graph.rows.items()
              if name not in model.states}
    return {**rates, **others}


class _Graph:
    """The rows of a model's equations at one point, x' − rate and residuals, as a graph of TensorFlow.

    Attributes
    ----------
    rows : {name: tensor}
    rates : names of the states that have one
    """

    def __init__(self, model):
        self._model = model
        tf.function(self._build, autograph=False).get_concrete_function()

    def _build(self):
        model = self._model
        names = (*model.variables, *model.parameters, *model.inputs, "t")
        self._feeds = {name: tf.compat.v1.placeholder(tf.float64, [1]) for name in names}
        self._slopes = {name: tf.compat.v1.placeholder(tf.float64, [1]) for name in model.states}
        v = Variables(self._feeds, self._slopes)
        self.rows = equations(model, v)
        self.rates = () if model.rates is None else tuple(model.rates(v))
        self.rows = {name: tf.convert_to_tensor(row, tf.float64) for name, row in self.rows.items()}
        self._captured = {inner.ref(): outer for outer, inner in
                          tf.compat.v1.get_default_graph().captures}

    def value(self, ca, tensor, known, slopes):
        """A row as an expression of {name: expression} and {state: x'}."""
        found = {t.ref(): known[name] for name, t in self._feeds.items()}
        found |= {t.ref(): slopes[name] for name, t in self._slopes.items()}
        stack = [tensor]
        while stack:
            t = stack[-1]
            waiting = [] if t.ref() in found else [x for x in _sources(t) if x.ref() not in found]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if t.ref() not in found:
                found[t.ref()] = self._operation(ca, t, [found[x.ref()] for x in _sources(t)])
        return found[tensor.ref()]

    def _operation(self, ca, t, inputs):
        constant = self._captured.get(t.ref())
        constant = tf.get_static_value(t) if constant is None else constant.numpy()
        if constant is not None:
            return _number(t, constant)
        if t.op.type not in OPERATIONS:
            raise TypeError(f"the model contains the operation {t.op.type}, which has no counterpart in "
                            f"CasADi here; expected arithmetic and {', '.join(sorted(OPERATIONS))}.")
        return OPERATIONS[t.op.type](ca, *inputs)


def _sources(t):
    return [] if tf.get_static_value(t) is not None else list(t.op.inputs)


def _number(t, value):
    value = np.ravel(value)
    if not value.size or (value != value[0]).any():
        raise TypeError(f"the model contains an array of {value.size} different numbers ({t.op.name}); "
                        "expected numbers alone, one at each point.")
    return float(value[0])


# Of numbers at one point; named as TensorFlow names them.
OPERATIONS: dict[str, Any] = {
    "Identity": lambda ca, x: x, "Neg": lambda ca, x: -x, "Square": lambda ca, x: x * x,
    "AddV2": lambda ca, x, y: x + y, "Sub": lambda ca, x, y: x - y, "Mul": lambda ca, x, y: x * y,
    "RealDiv": lambda ca, x, y: x / y, "AddN": lambda ca, *x: sum(x[1:], x[0]),
    "Pow": lambda ca, x, y: x ** y, "SquaredDifference": lambda ca, x, y: (x - y) ** 2,
    "Reciprocal": lambda ca, x: 1.0 / x, "Inv": lambda ca, x: 1.0 / x,
    "Rsqrt": lambda ca, x: 1.0 / ca.sqrt(x), "Expm1": lambda ca, x: ca.expm1(x),
    "Log1p": lambda ca, x: ca.log1p(x),
    "Maximum": lambda ca, x, y: ca.fmax(x, y), "Minimum": lambda ca, x, y: ca.fmin(x, y),
    "Abs": lambda ca, x: ca.fabs(x), "Sign": lambda ca, x: ca.sign(x),
    "Relu": lambda ca, x: ca.fmax(x, 0.0), "Atan2": lambda ca, y, x: ca.atan2(y, x),
    "Sigmoid": lambda ca, x: FUNCTIONS["sigmoid"](ca, x),
    "Softplus": lambda ca, x: FUNCTIONS["softplus"](ca, x),
    "SelectV2": lambda ca, c, x, y: ca.if_else(c, x, y),
    "Greater": lambda ca, x, y: x > y, "GreaterEqual": lambda ca, x, y: x >= y,
    "Less": lambda ca, x, y: x < y, "LessEqual": lambda ca, x, y: x <= y,
    "LogicalAnd": lambda ca, x, y: ca.logic_and(x, y), "LogicalOr": lambda ca, x, y: ca.logic_or(x, y),
    "LogicalNot": lambda ca, x: ca.logic_not(x),
    "ZerosLike": lambda ca, x: 0.0, "OnesLike": lambda ca, x: 1.0,
    **{name: lambda ca, x, name=name.lower(): getattr(ca, name)(x)
       for name in ("Sqrt", "Exp", "Log", "Sin", "Cos", "Tan", "Tanh", "Sinh", "Cosh", "Asin", "Acos",
                    "Atan", "Asinh", "Acosh", "Atanh", "Erf", "Floor", "Ceil")},
}
