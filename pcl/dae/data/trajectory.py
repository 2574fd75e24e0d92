"""One experiment: what was observed when, from which start and under which inputs."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from pcl.dae.data.dose import Dose
from pcl.dae.data.events import Events
from pcl.dae.data.series import Series, ordered_times, series
from pcl.dae.data.signal import Signal, signal
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array


class Trajectory:
    """One experiment; cannot be changed, and equal to another one with equal content.

    Parameters
    ----------
    t : (n,) times of the table of observations, not decreasing; None if every variable has its own
    observed : {name: values}
        Any of the model's states, algebraic variables, outputs and observables. Values (n,) at `t`, or
        a tuple (times, values) of two arrays. The same time twice counts as two observations.
    initial : {state: value or function}, optional
        The states that start at a known value, at the beginning t0 of the span; all others are free.
        None stands for free, too. A function of `p`, which holds parameters and inputs, `p.name`, gives a
        start that follows from them: one parameter in several trajectories is a start that they share.
        "steady" stands for a state at rest, x' = 0 with the inputs at t0; then all other states have to
        be given, and doses at t0 come after (of a model without outputs).
    inputs : {name: u(t)}, optional
        A number; a function t (n,) -> (n,); a table (times, values), interpolated linearly; or a
        table (times, values, "constant"), whose rows hold until the next (at a jump: the value before).
        Elements end where tables jump or bend.
    weights : number, (n,), or {name: number or array of the variable's length}
        ≥ 0, for instance 1/σ²; 1 by default. Observations of weight 0 are left out and may be NaN.
    sigma : number, (n,), or {name: number or array of the variable's length}, optional
        > 0, the known standard deviation σ of readings: the weights are 1/σ², and are known to be.
    span : (t0, t1), optional
        Where the trajectory is solved; by default from the first time given to the last. Initial values
        known at a time before the first observation need it.
    name : str
    missing : "refuse" or "drop"
        What happens to NaN among the observations.
    breaks : (n,) times at which a function among the inputs, or an equation, jumps or bends: elements end
        there. What a function does between the nodes cannot be seen otherwise.
    doses : rows (time, state, amount) or (time, state, amount, interval, count), or such columns
        What is added to states at known times, see `pcl.dae.data.dose.doses`; elements end there. A
        reading at the time of a dose is one before it, but at the start one after it. Doses at or after
        the end of the span do nothing.
    jumps : {name: time or times}, when the jump conditions `Model.jumps` hold

    Attributes
    ----------
    observed : {name: Series}; initial : {state: float}, those that are fixed; inputs : {name: Signal}
    span : (t0, t1); name : str; size : number of observations; breaks : (n,), increasing
    computed : {state: function}, starts that follow from parameters
    steady : names of states that start at rest
    doses : tuple of Dose; jumps : {name: times}; events : (n,), their increasing times inside the span

    Raises
    ------
    TypeError
        Complex, object or text data.
    ValueError
        No observations; NaN or infinite; lengths that differ; times that decrease or lie outside the
        span; an input's table that does not cover the span; t1 ≤ t0; a dose or jump before the span; a
        dose at its beginning to a state whose start is free, or a jump there.

    Examples
    --------
    Readings of x at four times, of y at two, from a known start, under an input that switches at t = 1:

    >>> from pcl import dae
    >>> readings = {"x": [2.0, 1.2, 0.7, 0.4], "y": ([1.0, 3.0], [5.1, 5.3])}
    >>> switch = ([0.0, 1.0, 3.0], [0.0, 1.0, 1.0], "constant")
    >>> run = dae.Trajectory([0.0, 1.0, 2.0, 3.0], readings, initial={"x": 2.0}, inputs={"F": switch},
    ...                      sigma={"x": 0.05, "y": 0.1}, name="run 1")
    >>> run.size, run.span, run.times.tolist()
    (6, (0.0, 3.0), [0.0, 1.0, 2.0, 3.0])
    """

    __slots__ = ("_observed", "_initial", "_inputs", "_span", "_name", "_breaks", "_computed", "_steady",
                 "_happens")

    _observed: dict[str, Series]
    _initial: dict[str, float]
    _inputs: dict[str, Signal]
    _span: tuple[float, float]
    _name: str
    _breaks: tuple[float, ...]
    _computed: dict[str, Callable[[Any], Any]]
    _steady: tuple[str, ...]
    _happens: Events

    def __init__(self, t: ArrayLike | None, observed: Mapping[str, Any],
                 initial: Mapping[str, Any] | None = None,
                 inputs: Mapping[str, Any] | None = None, weights: Any = 1.0,
                 span: ArrayLike | None = None, name: str = "", missing: str = "refuse",
                 breaks: ArrayLike = (), doses: Any = None, jumps: Mapping[str, ArrayLike] | None = None,
                 sigma: Any = None):
        at = f" of trajectory {name!r}" if name else ""
        observed = _mapping(f"observed{at}", observed)
        t = None if t is None else ordered_times(f"t{at}", t)
        columns = {key: _times_and_values(at, key, given, t) for key, given in observed.items()}
        weights, sigma = _weights(at, weights, columns), _weights(at, sigma, columns, "sigma", None)
        found = {key: series(f"observations of {key!r}{at}", times, values, weights[key], missing,
                             sigma[key])
                 for key, (times, values) in columns.items()}
        span = _span(at, span, [times for times, _ in columns.values()] + ([] if t is None else [t]))
        numbers, computed, steady = _initial(at, initial)
        self._set(found, numbers, _inputs(at, inputs), span, str(name), _breaks(at, breaks), computed,
                  steady, Events.of(at, doses, jumps))
        self._require_sense(at)
        self._happens.require(at, span, (*numbers, *computed, *steady))

    @classmethod
    def from_frame(cls, frame: Any, *, time: str = "t", variable: str | None = None, value: str = "value",
                   observed: Any = None, inputs: Any = (), sigma: Any = None, unknown: str = "refuse",
                   missing: str = "refuse", initial: Mapping[str, Any] | None = None,
                   signals: Mapping[str, Any] | None = None, **options: Any) -> "Trajectory":
        """The trajectory of a data frame of one experiment.

        Parameters
        ----------
        frame, time, variable, value, observed, inputs, sigma : as of `Data.from_frame`
        unknown, missing, signals : as of `Data.from_frame`
        initial : {state: value}
        options : as of `Trajectory`

        Returns
        -------
        Trajectory

        Raises
        ------
        TypeError, ValueError
            As there, and a frame of several experiments.

        Examples
        --------
        >>> from pcl import dae
        >>> frame = {"t": [0.0, 1.0, 2.0], "x [g/l]": [2.0, 1.2, 0.7]}
        >>> dae.Trajectory.from_frame(frame, name="run 1").observed["x"].values.tolist()
        [2.0, 1.2, 0.7]
        """
        from pcl.dae.data.frames import experiments_of
        found = experiments_of(frame, time, None, variable, value, observed, inputs, sigma, 1.0, unknown,
                               missing, initial, signals)
        if len(found) != 1:
            raise ValueError(f"frame has {len(found)} experiments in its column 'trajectory'; expected "
                             "one. Use Data.from_frame.")
        return cls(**{**found[0], **options})

    def _set(self, *values):
        for slot, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, slot, value)

    def __setattr__(self, name, value):
        raise AttributeError(f"a Trajectory cannot be changed ({name}); make another one.")

    def __getstate__(self):
        return tuple(getattr(self, slot) for slot in self.__slots__)

    def __setstate__(self, state):
        self._set(*state)

    @property
    def observed(self) -> Mapping[str, Series]:
        """{variable: Series} of the observations, with `times`, `values` and `weights` (n,) each.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, sigma=0.5).observed["x"].weights.tolist()
        [4.0, 4.0]
        """
        return MappingProxyType(self._observed)

    @property
    def initial(self) -> Mapping[str, float]:
        """{state: value} of the starts that are fixed.

        Examples
        --------
        >>> from pcl import dae
        >>> dict(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, initial={"x": 2.0, "y": None}).initial)
        {'x': 2.0}
        """
        return MappingProxyType(self._initial)

    @property
    def computed(self) -> Mapping[str, Callable[[Any], Any]]:
        """{state: function of parameters} of the starts that follow from them.

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, initial={"x": lambda p: 2.0 * p.k})
        >>> list(run.computed)
        ['x']
        """
        return MappingProxyType(self._computed)

    @property
    def steady(self) -> tuple[str, ...]:
        """Names of the states that start at rest, x' = 0.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, initial={"x": "steady"}).steady
        ('x',)
        """
        return self._steady

    @property
    def doses(self) -> tuple[Dose, ...]:
        """The doses, in order of time.

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 9.0], {"x": [0.0, 1.2]}, doses=[(1.0, "x", 5.0, 4.0, 2)])
        >>> [(dose.time, dose.amount) for dose in run.doses]
        [(1.0, 5.0), (5.0, 5.0)]
        """
        return self._happens.doses

    @property
    def jumps(self) -> Mapping[str, tuple[float, ...]]:
        """{name: times} of the jump conditions.

        Examples
        --------
        >>> from pcl import dae
        >>> dict(dae.Trajectory([0.0, 9.0], {"x": [0.0, 1.2]}, jumps={"dilution": [2.0, 5.0]}).jumps)
        {'dilution': (2.0, 5.0)}
        """
        return MappingProxyType(self._happens.jumps)

    @property
    def events(self) -> Array:
        """Increasing times (n,) inside the span at which states jump, a copy.

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 9.0], {"x": [0.0, 1.2]}, doses=[(1.0, "x", 5.0)],
        ...                      jumps={"dilution": 4.0})
        >>> run.events.tolist()
        [1.0, 4.0]
        """
        return self._happens.times(self._span)

    @property
    def start(self) -> Mapping[str, float]:
        """{state: value} of the starts that are fixed, doses at the start added.

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 9.0], {"x": [5.0, 1.2]}, initial={"x": 0.0},
        ...                      doses=[(0.0, "x", 5.0)])
        >>> dict(run.start)
        {'x': 5.0}
        """
        return {name: value + self.added(name, self._span[0]) for name, value in self._initial.items()}

    def added(self, state: str, time: float) -> float:
        """What the doses at a time add to a state.

        Parameters
        ----------
        state : str
        time : float

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 9.0], {"x": [0.0, 1.2]}, doses=[(1.0, "x", 5.0), (1.0, "x", 2.0)])
        >>> run.added("x", 1.0), run.added("x", 2.0)
        (7.0, 0)
        """
        return self._happens.added(state, time, self._span)

    @property
    def inputs(self) -> Mapping[str, Signal]:
        """{name: Signal} of the inputs, each a function t (n,) -> (n,).

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 2.0], {"x": [0.0, 1.2]}, inputs={"F": ([0.0, 2.0], [0.0, 1.0])})
        >>> run.inputs["F"](np.array([0.5])).tolist()
        [0.25]
        """
        return MappingProxyType(self._inputs)

    @property
    def span(self) -> tuple[float, float]:
        """(t0, t1), where the trajectory is solved.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.5, 1.0], {"x": [2.0, 1.2]}, span=(0.0, 1.0)).span
        (0.0, 1.0)
        """
        return self._span

    @property
    def name(self) -> str:
        """The name, empty if none was given.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, name="run 1").name
        'run 1'
        """
        return self._name

    @property
    def breaks(self) -> Array:
        """Times (n,) where elements end, a copy; at jumps and bends of tables they end by themselves.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 2.0], {"x": [0.0, 1.2]}, breaks=[1.5]).breaks.tolist()
        [1.5]
        """
        return np.array(self._breaks)

    @property
    def size(self) -> int:
        """Number of observations.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2], "y": [0.0, 0.3]}).size
        4
        """
        return sum(map(len, self._observed.values()))

    def __eq__(self, other):
        return isinstance(other, Trajectory) and self.__getstate__() == other.__getstate__()

    def __repr__(self):
        counts = ", ".join(f"{name} {len(s)}" for name, s in self._observed.items())
        t0, t1 = self._span
        return f"Trajectory({self._name!r}, t from {t0:g} to {t1:g}, observed: {counts})"

    @property
    def times(self) -> Array:
        """The different times at which anything was observed, increasing, (n,).

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory(None, {"x": ([0.0, 1.0], [2.0, 1.2]), "y": ([0.5], [0.3])}).times.tolist()
        [0.0, 0.5, 1.0]
        """
        return np.unique(np.concatenate([s.times for s in self._observed.values()]))

    def inputs_at(self, names: Sequence[str], t: Array) -> Array:
        """u (n, len(names)) at times.

        Parameters
        ----------
        names : sequence of str
        t : ndarray (n,)

        Raises
        ------
        KeyError
            An input that was not given.

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 2.0], {"x": [0.0, 1.2]}, inputs={"F": 3.0, "T": lambda t: 20 + t})
        >>> run.inputs_at(["T", "F"], np.array([0.0, 2.0])).tolist()
        [[20.0, 3.0], [22.0, 3.0]]
        """
        missing = [name for name in names if name not in self._inputs]
        if missing:
            raise KeyError(f"trajectory {self._name!r} has no input {missing[0]!r}; it has "
                           f"{', '.join(self._inputs) or 'none'}.{nearest(missing[0], self._inputs)}")
        return np.array([self._inputs[name](t) for name in names]).reshape(len(names), len(t)).T

    def renamed(self, name: str) -> "Trajectory":
        """The same trajectory under another name.

        Parameters
        ----------
        name : str

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}).renamed("run 2").name
        'run 2'
        """
        return self._other(_observed=self._observed, _name=name)

    def weighted(self, weights: Mapping[str, Array]) -> "Trajectory":
        """The same with other weights, which count as known.

        Parameters
        ----------
        weights : {variable: (n,)}

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}).weighted({"x": np.array([4.0, 1.0])})
        >>> run.observed["x"].weights.tolist()
        [4.0, 1.0]
        """
        found = {name: s.weighted(weights[name]) if name in weights else s
                 for name, s in self._observed.items()}
        return self._other(_observed=found)

    def part(self, chosen: Callable[[Array], Any], span: tuple[float, float] | None = None,
             free: bool = False) -> "Trajectory | None":
        """The observations at times for which chosen(times) is true, or None if there are none.

        Parameters
        ----------
        chosen : function times (n,) -> bool (n,)
        span : (t0, t1), the same if None
        free : whether the start of the part is free

        Returns
        -------
        Trajectory or None

        Examples
        --------
        >>> from pcl import dae
        >>> run = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.2, 0.7]})
        >>> run.part(lambda t: t < 1.5).observed["x"].values.tolist()
        [2.0, 1.2]
        """
        found = {name: s.where(chosen(s.times)) for name, s in self._observed.items()}
        found = {name: s for name, s in found.items() if len(s)}
        if not found:
            return None
        span = span or self._span
        if not free:
            return self._other(_observed=found, _span=span)
        later = self._happens.after(span[0])        # what happened before is in the start
        return self._other(_observed=found, _span=span, _initial={}, _computed={}, _steady=(),
                           _happens=later)

    def _other(self, **changes):
        made = object.__new__(Trajectory)
        made._set(*(changes.get(slot, getattr(self, slot)) for slot in self.__slots__))
        return made

    def _require_sense(self, at):
        if not self.size:
            raise ValueError(f"no observations{at}: nothing is observed, or all weights are 0 or all "
                             "values missing.")
        for name, s in self._observed.items():
            _require_inside(f"observations of {name!r}{at}", s.times, self._span)
        ends = np.array(self._span)
        for u in self._inputs.values():
            u(ends)


def _mapping(label, given):
    if not hasattr(given, "items"):
        raise TypeError(f"{label} is a {type(given).__name__}; expected a dict {{name: values}}.")
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"{label} has a key of type {type(name).__name__}; expected names.")
    return dict(given)


def _times_and_values(at, name, given, t):
    label = f"observations of {name!r}{at}"
    if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == np.ndim(given[1]) == 1:
        times, values = given
        return ordered_times(f"times of {label}", times), values
    if t is None:
        raise ValueError(f"{label} have no times: t is None; expected (times, values).")
    return t, given


def _weights(at, weights, columns, label="weights", default=1.0):
    """{name: number or array}; `default` where a dict has none."""
    if not hasattr(weights, "items"):
        return dict.fromkeys(columns, weights)
    unknown = [name for name in weights if name not in columns]
    if unknown:
        raise ValueError(f"{label}{at} has {unknown[0]!r}, which is not observed; observed are "
                         f"{', '.join(columns)}.{nearest(unknown[0], columns)}")
    return {name: weights.get(name, default) for name in columns}


def _initial(at, initial):
    if initial is None:
        return {}, {}, ()
    given = {name: value for name, value in _mapping(f"initial{at}", initial).items()
             if value is not None}
    computed = {name: value for name, value in given.items() if callable(value)}
    steady = tuple(name for name, value in given.items() if isinstance(value, str) and value == "steady")
    return {name: float(float64_array(f"initial value of {name!r}{at}", value, shape=()))
            for name, value in given.items() if name not in computed and name not in steady
            }, computed, steady


def _inputs(at, inputs):
    given = _mapping(f"inputs{at}", inputs or {})
    return {name: signal(name, value, at) for name, value in given.items()}


def _breaks(at, breaks):
    return tuple(ordered_times(f"breaks{at}", breaks).tolist())


def _span(at, span, times):
    if span is None:
        span = _extent(at, [t for t in times if t.size])
    t0, t1 = float64_array(f"span{at}", span, shape=(2,))
    if not t0 < t1:
        raise ValueError(f"span{at} is ({t0:g}, {t1:g}); expected t0 < t1.")
    return float(t0), float(t1)


def _extent(at, times):
    if not times:
        raise ValueError(f"no observations{at}: there are no times.")
    first, last = min(t[0] for t in times), max(t[-1] for t in times)
    if first == last:
        raise ValueError(f"all times{at} are {first:g}, so there is no interval to solve on; give "
                         "span=(t0, t1).")
    return first, last


def _require_inside(label, times, span):
    outside = np.flatnonzero((times < span[0]) | (times > span[1]))
    if outside.size:
        i = int(outside[0])
        raise ValueError(f"{label} have t = {times[i]:g} at index {i}, outside the span {span[0]:g} to "
                         f"{span[1]:g}; expected times inside. Widen span, or leave the observation out.")
