"""Systems of differential-algebraic equations with unknown terms, as a declaration."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pcl.dae.priors import checked_priors
from pcl.support.nearest import nearest
from pcl.support.types import Names, Tensor
from pcl.support.validate import float64_array

GROUPS = ("states", "algebraic", "outputs", "parameters", "inputs")
DECADES = 1e3       # upper/lower bound of a positive parameter from which it is fitted by its logarithm
_RESERVED = ("t", "d")


@dataclass(frozen=True, eq=False)
class Model:
    """A differential-algebraic system with unknown terms z.

        x' = f(x, y, z, p, u, t),   0 = h(x', x, y, z, p, u, t),   g(x', x, y, z, p, u, t) ≤ 0

    The functions take `v`, which holds every variable at all points of time at once, as float64
    tensors (points,): `v.name` or `v["name"]`, the time `v.t`, the derivative of a state `v.d("name")`.
    They are made of TensorFlow operations that treat each point alone.

    Parameters
    ----------
    states : names of the differential variables x
    algebraic : names of the algebraic variables y
    outputs : names of the unknown terms z, given by laws (networks) of other variables
    parameters : names of unknown numbers p
    inputs : names of known functions u(t), given with each trajectory
    rates : function v -> {state: expression of x'}
        For some or all states. A state without a rate needs an equation with its derivative.
    equations : function v -> {name: expression} or list of expressions, each = 0
        As many as there are algebraic variables and states without rate.
    path : function v -> {name: expression} or list of expressions, each ≤ 0
    jumps : {name: function v -> {state: its value after the jump}}
        Jump conditions x⁺ = g(x⁻, y⁻, z⁻, p, u⁻, t) of some of the states, the others go on; trajectories
        and predictions say when they hold. `v` is to the left of the jump.
    bounds : {name: (lower, upper)}, None for open
        Of states, algebraic variables, outputs and parameters.
    log : names of parameters that are fitted by their logarithms, or None
        They are positive; values, starts and bounds are those of the parameters themselves. None: those
        whose bounds are both positive and at least a factor of `DECADES` = 1000 apart.
    local : names of parameters that every experiment has for itself; the others are shared
    priors : {parameter: NormalPrior or LogNormalPrior}, of a local one for each experiment
        They are added to Σ ω r² as twice a negative log density, so weights should be 1/σ².
    observed : {name: function v -> expression}
        Observables: what can be read beside the variables, as sums, ratios, logarithms, scale and offset.
        Readings stand under that name in a `Trajectory`; nothing has to be solved for.
    exponents : names of parameters that are logarithms already; made by `pcl.dae.program.log_scale` alone

    Raises
    ------
    TypeError, ValueError
        A name that is no identifier, is given twice or reserved ("t", "d"); bounds of an unknown name
        or in the wrong order; no states. The equations are counted when they are first evaluated.

    Examples
    --------
    A reactor: biomass X grows on a substrate S by an unknown rate mu, in a feed of known strength D.

    >>> from pcl import dae
    >>> model = dae.Model(
    ...     states=["X", "S"], outputs=["mu"], parameters=["Y"], inputs=["D"],
    ...     rates=lambda v: {"X": (v.mu - v.D) * v.X, "S": v.D * (10.0 - v.S) - v.mu * v.X / v.Y},
    ...     bounds={"X": (0.0, None), "S": (0.0, None), "Y": (0.1, 1.0)})
    >>> model.variables, model.limits("Y")
    (('X', 'S', 'mu'), (0.1, 1.0))
    """

    states: tuple[str, ...]
    algebraic: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    rates: Callable[[Any], Any] | None = None
    equations: Callable[[Any], Any] | None = None
    path: Callable[[Any], Any] | None = None
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    log: tuple[str, ...] | None = None
    jumps: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    local: tuple[str, ...] = ()
    priors: dict[str, Any] = field(default_factory=dict)
    observed: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    exponents: tuple[str, ...] = field(default=(), repr=False)

    if TYPE_CHECKING:       # more is taken than is kept
        def __init__(self, states: Names, algebraic: Names = (), outputs: Names = (),
                     parameters: Names = (), inputs: Names = (),
                     rates: Callable[[Any], Any] | None = None,
                     equations: Callable[[Any], Any] | None = None,
                     path: Callable[[Any], Any] | None = None,
                     bounds: Mapping[str, Sequence[float | None]] | None = None,
                     log: Names | None = None, jumps: Mapping[str, Callable[[Any], Any]] | None = None,
                     local: Names = (), priors: Mapping[str, Any] | None = None,
                     observed: Mapping[str, Callable[[Any], Any]] | None = None,
                     exponents: Names = ()): ...

    def __post_init__(self):
        seen: dict[str, str] = {}
        for group in GROUPS:
            names = _names(group, getattr(self, group))
            object.__setattr__(self, group, names)
            for name in names:
                if name in seen:
                    raise ValueError(f"{name!r} is in {seen[name]} and in {group}; expected every name "
                                     "once.")
                seen[name] = group
        if not self.states:
            raise ValueError("states is empty; expected at least one differential variable.")
        for name in ("rates", "equations", "path"):
            _require_callable(name, getattr(self, name))
        if self.rates is None and self.equations is None:
            raise ValueError("rates and equations are both None; expected the equations of the system.")
        object.__setattr__(self, "jumps", _functions("jumps", self.jumps))
        object.__setattr__(self, "bounds", self._checked_bounds())
        object.__setattr__(self, "log", self._checked_log())
        object.__setattr__(self, "local", _names("local", self.local))
        self._require_parameters("local", self.local)
        object.__setattr__(self, "priors", checked_priors(self.priors, self.parameters, self.local))
        object.__setattr__(self, "observed", _observables(self.observed, seen))

    def __repr__(self) -> str:
        groups = ", ".join(f"{group} {' '.join(getattr(self, group))}" for group in GROUPS
                           if getattr(self, group))
        return f"Model({groups})"

    @property
    def variables(self) -> tuple[str, ...]:
        """States, algebraic variables and outputs: names of what has a value at every node.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Model(states=["x"], algebraic=["y"], rates=lambda v: {"x": -v.y},
        ...           equations=lambda v: [v.y - v.x ** 2]).variables
        ('x', 'y')
        """
        return (*self.states, *self.algebraic, *self.outputs)

    def limits(self, name: str) -> tuple[float, float]:
        """(lower, upper) of a variable or parameter, ±inf where it is open.

        Parameters
        ----------
        name : str

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], rates=lambda v: {"x": -v.x}, bounds={"x": (0.0, None)})
        >>> model.limits("x")
        (0.0, inf)
        """
        return self.bounds.get(name, (-float("inf"), float("inf")))

    def _checked_log(self):
        if self.log is None:
            return tuple(name for name in self.parameters
                         if name not in self.exponents and self._spans_decades(name))
        names = _names("log", self.log)
        self._require_parameters("log", names)
        for name in names:
            if not self.limits(name)[1] > 0.0:
                raise ValueError(f"log has {name!r} with the upper bound {self.limits(name)[1]:g}; "
                                 "expected a parameter that may be positive.")
        return names

    def _require_parameters(self, label, names):
        for name in names:
            if name not in self.parameters:
                raise ValueError(f"{label} has {name!r}; expected some of the parameters, "
                                 f"{', '.join(self.parameters) or 'of which there are none'}."
                                 f"{nearest(name, self.parameters)}")

    def _spans_decades(self, name):
        lower, upper = self.limits(name)
        return lower > 0.0 and DECADES * lower <= upper < float("inf")

    def _checked_bounds(self):
        bounded = (*self.states, *self.algebraic, *self.outputs, *self.parameters)
        checked, given = {}, {} if self.bounds is None else self.bounds
        if not isinstance(given, dict):
            raise TypeError(f"bounds is a {type(given).__name__}; expected a dict "
                            "{name: (lower, upper)}.")
        for name, pair in given.items():
            if name not in bounded:
                raise ValueError(f"bounds has {name!r}; expected one of {', '.join(bounded)}."
                                 f"{nearest(name, bounded)}")
            checked[name] = _pair(name, pair)
        return checked


def _names(group, given):
    if not isinstance(given, (str, tuple, list)):
        raise TypeError(f"{group} is a {type(given).__name__}; expected names.")
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{group} has an entry of type {type(name).__name__}; expected names.")
        if (not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_")
                or name in _RESERVED):
            raise ValueError(f"{group} has {name!r}; expected a Python identifier that does not begin "
                             f"with an underscore and is none of {', '.join(_RESERVED)}.")
    return names


def _observables(given, taken):
    """{name: function}, checked; `taken` {name: group} of the variables."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"observed is a {type(given).__name__}; expected a dict {{name: function of v}}.")
    for name, function in zip(_names("observed", tuple(given)), given.values()):
        if name in taken:
            raise ValueError(f"{name!r} is in {taken[name]} and in observed; expected every name once. "
                             "Variables can be read as they are.")
        if not callable(function):
            raise TypeError(f"observed[{name!r}] is a {type(function).__name__}; expected a "
                            "function of v.")
    return dict(given)


def _require_callable(name, function):
    if function is not None and not callable(function):
        raise TypeError(f"{name} is a {type(function).__name__}; expected a function of v, or None.")


def _functions(label, given):
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise TypeError(f"{label} is a {type(given).__name__}; expected a dict {{name: function of v}}.")
    for name, function in given.items():
        if not isinstance(name, str) or function is None:
            raise TypeError(f"{label} has {name!r}: {function!r}; expected {{name: function of v}}.")
        _require_callable(f"{label}[{name!r}]", function)
    return dict(given)


def _pair(name, pair):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"bounds of {name!r} are {pair!r}; expected (lower, upper), None for open.")
    ends = [default if end is None else float(float64_array(f"a bound of {name!r}", end, shape=(),
                                                            finite=False))
            for end, default in zip(pair, (-float("inf"), float("inf")))]
    lower, upper = ends
    if not lower <= upper or lower == float("inf") or upper == -float("inf"):
        raise ValueError(f"bounds of {name!r} are ({lower}, {upper}); expected lower ≤ upper, none NaN.")
    return lower, upper


class Variables:
    """The variables at all points: `v.name`, `v["name"]`, `v.t`, `v.d(state)`."""

    def __init__(self, values, derivatives):
        self._values, self._derivatives = values, derivatives

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._unknown(name)) from None

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._values[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    def d(self, state: str) -> Tensor:
        """The derivative of a state with respect to time."""
        if state not in self._derivatives:
            raise KeyError(f"d({state!r}): not a state; the states are {', '.join(self._derivatives)}."
                           f"{nearest(state, self._derivatives)}")
        return self._derivatives[state]

    def _unknown(self, name):
        return (f"the model has no variable {name!r}; it has {', '.join(self._values)}."
                f"{nearest(name, self._values)}")


def with_values(v, changes):
    """The `Variables` v with other values {name: tensor}."""
    return Variables({**v._values, **changes}, v._derivatives)
