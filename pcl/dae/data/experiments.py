"""Several experiments together, and their division for validation."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pcl.dae.data.trajectory import Trajectory
from pcl.support.nearest import nearest
from pcl.support.types import Array
from pcl.support.validate import positive_integer


STRETCHES = 3       # of each fold in a trajectory, where readings are held out in blocks
_STARTS = ("initial", "computed", "steady")      # kinds of starts: numbers, functions, at rest


class Data:
    """Trajectories with different names; cannot be changed, and equal to others with equal content.

    Parameters
    ----------
    trajectories : Trajectory or list of them
        Those without a name get their number as one.

    Warns
    -----
    UserWarning
        There is a single observation, or all are at the start: no parameter can be told from them.

    Raises
    ------
    TypeError, ValueError
        Not trajectories; none; the same name twice.

    Examples
    --------
    >>> from pcl import dae
    >>> data = dae.Data([dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, name="run 1"),
    ...                  dae.Trajectory([0.0, 1.0], {"x": [4.0, 2.3]}, name="run 2")])
    >>> data
    Data of 2 trajectories, 4 observations of x
    >>> data["run 2"].size
    2
    """

    __slots__ = ("_trajectories",)

    _trajectories: tuple[Trajectory, ...]

    def __init__(self, trajectories: Trajectory | Iterable[Trajectory]):
        if not isinstance(trajectories, (Trajectory, Iterable)):
            kind = type(trajectories).__name__
            raise TypeError(f"data is a {kind}; expected a Trajectory or a list of them.")
        given = [trajectories] if isinstance(trajectories, Trajectory) else list(trajectories)
        for k, item in enumerate(given):
            if not isinstance(item, Trajectory):
                raise TypeError(f"trajectories[{k}] is a {type(item).__name__}; expected a Trajectory.")
        self._fill(item if item.name else item.renamed(str(k)) for k, item in enumerate(given))
        _warn_if_undetermined(self)

    @classmethod
    def from_frame(cls, frame: Any, *, time: str = "t", experiment: str | None = None,
                   variable: str | None = None, value: str = "value", observed: Any = None,
                   inputs: Any = (), sigma: Any = None, weights: Any = 1.0, unknown: str = "refuse",
                   missing: str = "refuse", initial: Mapping[str, Any] | None = None,
                   signals: Mapping[str, Any] | None = None) -> "Data":
        """Of a data frame: wide, a row a time and a column a variable, or long, a row a reading.

            Data.from_frame(df, experiment="run", inputs={"F": "constant"})                # wide
            Data.from_frame(df, experiment="run", variable="name", value="value", sigma="sd")   # long

        The order of the rows does not matter. Units in brackets are left out of names: the column
        "S [g/l]" is S; numbers have to be in the units of the model.

        Parameters
        ----------
        frame : DataFrame of pandas or the like, or {column: values}
        time : str, column of times
        experiment : str, column that names experiments; by default "trajectory", if there is one
        variable, value : str, columns of a long frame: which variable a row reads, and what
        observed : names, or {column, or name in a long frame: variable}; by default all others
        inputs : names, or {name: "linear" or "constant"}: columns, or variables of a long frame, that are
            tables of inputs; empty entries are skipped
        sigma : standard deviations of readings: a number, {variable: number or column} of a wide frame,
            the name of a column of a long one
        unknown : "refuse" or "ignore" other columns, of a long frame other names
        weights, missing : see `Trajectory`
        initial : {state: value}, or {experiment: {state: value}}
        signals : {input: number, function or table}, of all experiments

        Raises
        ------
        TypeError, ValueError
            No frame; columns that are missing, unknown, there twice, or no numbers (with the row); and
            what `Trajectory` and `Data` refuse.

        Returns
        -------
        Data

        Examples
        --------
        >>> from pcl import dae
        >>> long = {"t": [0.0, 1.0, 0.0, 1.0], "run": ["a", "a", "b", "b"], "name": ["x"] * 4,
        ...         "value": [2.0, 1.2, 4.0, 2.3]}
        >>> dae.Data.from_frame(long, experiment="run", variable="name", sigma=0.1)
        Data of 2 trajectories, 4 observations of x
        """
        from pcl.dae.data.frames import experiments_of
        return cls([Trajectory(**each) for each in experiments_of(
            frame, time, experiment, variable, value, observed, inputs, sigma, weights, unknown, missing,
            initial, signals)])

    def _fill(self, trajectories):
        object.__setattr__(self, "_trajectories", tuple(trajectories))
        if not self._trajectories:
            raise ValueError("no observations: there is no trajectory.")
        for k, name in enumerate(self.names):
            if name in self.names[:k]:
                raise ValueError(f"trajectories[{k}] is named {name!r} as one before it; expected "
                                 "different names.")

    def __setattr__(self, name, value):
        raise AttributeError(f"Data cannot be changed ({name}); make other ones.")

    def __getstate__(self):
        return self._trajectories

    def __setstate__(self, state):
        object.__setattr__(self, "_trajectories", state)

    def __len__(self) -> int:
        return len(self._trajectories)

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self._trajectories)

    def __getitem__(self, key: int | str) -> Trajectory:
        """A trajectory by number or name."""
        if not isinstance(key, str):
            return self._trajectories[key]
        if key not in self.names:
            raise KeyError(f"no trajectory {key!r}; there are {', '.join(self.names)}."
                           f"{nearest(key, self.names)}")
        return self._trajectories[self.names.index(key)]

    def __eq__(self, other):
        return isinstance(other, Data) and self._trajectories == other._trajectories

    def __repr__(self):
        return f"Data of {len(self)} trajectories, {self.size} observations of {', '.join(self.observed)}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the trajectories.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]})).names
        ('0',)
        """
        return tuple(item.name for item in self._trajectories)

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the variables that are observed anywhere.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Data([dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}),
        ...           dae.Trajectory([0.0, 1.0], {"y": [0.0, 0.3]})]).observed
        ('x', 'y')
        """
        return tuple(dict.fromkeys(name for item in self._trajectories for name in item.observed))

    @property
    def size(self) -> int:
        """Number of observations.

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]})).size
        2
        """
        return sum(item.size for item in self._trajectories)

    def observations(self) -> list[tuple[int, str, Array, Array, Array]]:
        """[(number of the trajectory, variable, times, values, weights), …], the arrays (n,).

        Examples
        --------
        >>> from pcl import dae
        >>> data = dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}))
        >>> number, variable, times, values, weights = data.observations()[0]
        >>> number, variable, values.tolist()
        (0, 'x', [2.0, 1.2])
        """
        return [(k, name, s.times, s.values, s.weights)
                for k, item in enumerate(self._trajectories) for name, s in item.observed.items()]

    def values(self, name: str) -> Array:
        """All observed values of a variable, (n,), in the order of the trajectories.

        Parameters
        ----------
        name : str

        Examples
        --------
        >>> from pcl import dae
        >>> dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]})).values("x").tolist()
        [2.0, 1.2]
        """
        return np.concatenate([item.observed[name].values for item in self._trajectories
                               if name in item.observed] or [np.zeros(0)])

    def require(self, model: Any) -> None:
        """Refuse what the model does not know, and inputs that it needs and that are not given.

        Parameters
        ----------
        model : Model

        Raises
        ------
        ValueError
            Naming the trajectory and the variable.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], inputs=["F"], rates=lambda v: {"x": v.F - v.x})
        >>> dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}, inputs={"F": 1.0})).require(model)
        """
        groups = {"observed": (*model.variables, *model.observed),
                  "initial": model.states, "computed": model.states,
                  "steady": model.states, "inputs": model.inputs,
                  "jumps": tuple(model.jumps)}
        for item in self._trajectories:
            for what, names in groups.items():
                _require_known(item, what, getattr(item, what), names)
            _require_known(item, "doses", [dose.state for dose in item.doses], model.states)
            absent = [name for name in model.inputs if name not in item.inputs]
            if absent:
                raise ValueError(f"inputs of trajectory {item.name!r} lack {absent[0]!r}; the model "
                                 f"has the inputs {', '.join(model.inputs)}.")

    def hold_out(self, fraction: float | None = None, every: int | None = None, offset: int = 0,
                 seed: int = 0, blocks: int | None = None) -> tuple["Data", "Data"]:
        """(training, held out): whole times of observation are held out, with all that was seen at them.

        The first and the last time of a trajectory always stay, so that what is held out is interpolated.
        Both parts keep span, start and inputs; a trajectory of which nothing is held out is only in
        the first.

        Parameters
        ----------
        fraction : number in (0, 1), of the times between, at least one in all; drawn with `seed`
        every : k ≥ 2, hold out every k-th of the times between, counted through all trajectories
            and beginning with number `offset` (0 … k − 1: the folds of a cross-validation)
        blocks : k ≥ 2, hold out every k-th of stretches of neighbouring times, `STRETCHES` · k in a
            trajectory that has so many, beginning with number `offset`: errors of neighbours are often
            alike, and one reading between two others is then no test

        Raises
        ------
        ValueError
            None or more than one is given, or no time can be held out.

        Examples
        --------
        >>> from pcl import dae
        >>> data = dae.Data(dae.Trajectory([0.0, 1.0, 2.0, 3.0, 4.0], {"x": [2.0, 1.2, 0.7, 0.4, 0.3]}))
        >>> training, held_out = data.hold_out(every=2)
        >>> training.values("x").tolist(), held_out.values("x").tolist()
        ([2.0, 0.7, 0.3], [1.2, 0.4])
        """
        inner = [item.times[1:-1] for item in self._trajectories]
        total = sum(map(len, inner))
        if [fraction, every, blocks].count(None) != 2:
            raise ValueError(f"fraction is {fraction!r}, every is {every!r} and blocks is {blocks!r}; "
                             "expected exactly one.")
        if fraction is not None:
            chosen = _drawn(total, fraction, seed)
        elif every is not None:
            chosen = _counted(np.arange(total), "every", every, offset)
        else:
            chosen = _counted(_stretches(list(map(len, inner)), blocks), "blocks", blocks, offset)
        if not chosen.any():
            raise ValueError(f"no time can be held out: there are {total} times between the first and "
                             "the last of their trajectory.")
        masks = np.split(chosen, np.cumsum([len(t) for t in inner])[:-1])
        return self._parted([t[mask] for t, mask in zip(inner, masks)])

    def split(self, time: float) -> tuple["Data", "Data"]:
        """(until, after): the observations at t ≤ time and those later, of every trajectory.

        The spans end and begin at `time`; the start of a later part is free. A trajectory that is all
        on one side is only in that part.

        Parameters
        ----------
        time : float

        Raises
        ------
        ValueError
            A part would be empty.

        Examples
        --------
        >>> from pcl import dae
        >>> data = dae.Data(dae.Trajectory([0.0, 1.0, 2.0, 3.0], {"x": [2.0, 1.2, 0.7, 0.4]}))
        >>> until, after = data.split(1.0)
        >>> until.values("x").tolist(), after.values("x").tolist()
        ([2.0, 1.2], [0.7, 0.4])
        """
        return self._cut([time] * len(self))

    def last(self, duration: float) -> tuple["Data", "Data"]:
        """(before, last): as `split`, each trajectory `duration` before the end of its own span.

        Parameters
        ----------
        duration : float > 0

        Raises
        ------
        ValueError
            Not above 0; a part would be empty.

        Examples
        --------
        >>> from pcl import dae
        >>> data = dae.Data(dae.Trajectory([0.0, 1.0, 2.0, 3.0], {"x": [2.0, 1.2, 0.7, 0.4]}))
        >>> before, last = data.last(1.5)
        >>> last.values("x").tolist()
        [0.7, 0.4]
        """
        if not duration > 0.0:
            raise ValueError(f"duration is {duration!r}; expected a number > 0.")
        return self._cut([item.span[1] - duration for item in self._trajectories])

    def weighted(self, weights: dict[str, Array]) -> "Data":
        """The same with other weights of readings; they count as known.

        Parameters
        ----------
        weights : {variable: (n,)}, in the order of `values`

        Raises
        ------
        ValueError
            Another number of weights than readings.

        Examples
        --------
        >>> import numpy as np
        >>> from pcl import dae
        >>> data = dae.Data(dae.Trajectory([0.0, 1.0], {"x": [2.0, 1.2]}))
        >>> data.weighted({"x": np.array([4.0, 1.0])}).observations()[0][-1].tolist()
        [4.0, 1.0]
        """
        ends = {name: iter(np.split(omega, np.cumsum(
            [len(item.observed[name]) for item in self if name in item.observed])[:-1]))
            for name, omega in weights.items()}
        return _data([item.weighted({name: next(ends[name]) for name in item.observed if name in ends})
                      for item in self], "weighted")

    def _parted(self, held):
        def chosen(times, out):
            return lambda t: np.isin(t, times) == out
        parts = [[item.part(chosen(h, out)) for item, h in zip(self._trajectories, held)]
                 for out in (False, True)]
        return _data(parts[0], "training"), _data(parts[1], "held-out")

    def _cut(self, times):
        before = [_until(item, time) for item, time in zip(self._trajectories, times)]
        after = [_after(item, time) for item, time in zip(self._trajectories, times)]
        return _data(before, "earlier"), _data(after, "later")


def _require_known(item, what, given, names):
    unknown = [name for name in given if name not in names]
    if unknown:
        more = " Algebraic values follow from the equations." if what in _STARTS else ""
        what = "initial" if what in _STARTS else what
        raise ValueError(f"{what} of trajectory {item.name!r} has {unknown[0]!r}; the model knows "
                         f"{', '.join(names) or 'none'}.{more}{nearest(unknown[0], names)}")


def _drawn(total, fraction, seed):
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fraction is {fraction!r}; expected a number between 0 and 1.")
    count = min(total, max(1, round(fraction * total)))
    chosen = np.zeros(total, dtype=bool)
    chosen[np.random.RandomState(seed).permutation(total)[:count]] = True
    return chosen


def _counted(numbers, name, every, offset):
    every = positive_integer(name, every, minimum=2)
    offset = positive_integer("offset", offset, minimum=0, maximum=every - 1)
    return numbers % every == offset


def _stretches(counts, blocks):
    """The number (total,) of the stretch of each of the times of all trajectories."""
    blocks = positive_integer("blocks", blocks, minimum=2)
    found = [np.arange(n) * min(STRETCHES * blocks, n) // max(n, 1) for n in counts]
    return np.concatenate([np.zeros(0, dtype=int), *found])


def _until(item, time):
    t0, t1 = item.span
    return item.part(lambda t: t <= time, (t0, min(t1, float(time)))) if time > t0 else None


def _after(item, time):
    t0, t1 = item.span
    if time >= t1:
        return None
    return item.part(lambda t: t > time, (max(t0, float(time)), t1), free=time > t0)


def _data(parts, what):
    found = [part for part in parts if part is not None]
    if not found:
        raise ValueError(f"the {what} part has no observations.")
    made = object.__new__(Data)
    made._fill(found)
    return made


def _warn_if_undetermined(data):
    late = any((times > data[k].span[0]).any() for k, _, times, _, _ in data.observations())
    if not late or data.size == 1:
        what = "all observations are at the start" if not late else "there is a single observation"
        warnings.warn(f"{what}: parameters and laws are not determined by the data.", UserWarning,
                      stacklevel=3)
