"""A recurrence s_{k+1} = step(s_k, x_k) as one node of the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.engine.glue.piece import Piece
from pcl.engine.procedure import Procedure
from pcl.engine.record import Record
from pcl.engine.trace import separated, trace
from pcl.factor.cache import FactorCache
from pcl.nodes.scan.call import ScanCall
from pcl.support.types import ArrayLike
from pcl.support.validate import positive_integer

# Bytes for the steps that are held at a time.
MEMORY = 500_000_000

# What a scan calls the block in which its step is traced.
INSIDE = "the step of another scan"


def scan(step: Callable, initial: Any, inputs: Sequence = (), n_steps: int | None = None,
         keep: ArrayLike | None = None, kept: Sequence[int] | None = None, memory: int = MEMORY) -> Any:
    """The states of s_{k+1} = step(s_k, x_k), k = 0 … N−1, at chosen k, differentiable to second order.

    The step is traced once, whatever N is; it may contain networks, products, linear and nonlinear
    solves. What it closes over (parameters, matrices) may depend on θ, and is computed once where it does
    not change from step to step.

    Parameters
    ----------
    step : function (state, *rows) -> state
        `state` is a tensor, or a tuple of them as `initial` is; `rows` are x_k of each input.
    initial : array or tensor, or tuple of them
    inputs : tuple of arrays or tensors (N, …)
        Row k is given to step k.
    n_steps : int, optional
        N; needed without inputs.
    keep : whole numbers 0 … N, increasing, optional
        Which states to return; 0 is the initial one. By default all of 1 … N.
    kept : tuple of int, optional
        Which tensors of the state to return; by default all.
    memory : int
        Bytes. Where all steps need more, only the states at the beginning of segments are kept, and a
        segment is computed again when its derivatives are asked for: each of a gradient and a Hessian
        then costs one more pass through the steps.

    Returns
    -------
    states : tensor (*shape of s, len(keep)), or a tuple of them if the state is one

    Raises
    ------
    ValueError
        No steps, inputs of different lengths, times to keep out of order or range, or a step that
        returns something else than a state.

    Notes
    -----
    With p parameters the Hessian carries two blocks (entries of s, p) forward, or fewer columns where
    the derivatives of what the step closes over are of low rank to rounding. The curvature is
    accumulated step by step.

    Examples
    --------
    Compound interest, s_{k+1} = q s_k:

    >>> import numpy as np, pcl
    >>> def end(t):
    ...     return pcl.scan(lambda s: t["q"] * s, np.ones(1), n_steps=10)[0, -1]
    >>> problem = pcl.Problem(end, {"q": 1.1})
    >>> round(problem.value([1.1]), 4), problem.gradient([1.1]).round(4)        # q¹⁰, 10 q⁹
    (2.5937, array([23.5795]))
    """
    recurrence = Recurrence.checked(step, initial, inputs, n_steps, keep, kept, memory)
    states = nodes.record(recurrence)
    if states is None and not nodes.is_watched():
        states = _evaluated(recurrence)
    parts = recurrence.run() if states is None else recurrence.split(states)
    return parts[0] if recurrence.single else tuple(parts)


def _evaluated(recurrence):
    """The kept states, one step traced and all evaluated as inside a Problem."""
    program = trace(lambda _: nodes.record(recurrence), {"unused": ()},
                    lambda y: (tf.reduce_sum(y), None))
    record = Record(program, [np.zeros(())], FactorCache())
    return tf.constant(record.values[program.calls[-1].output])


@dataclass(frozen=True, eq=False)
class Recurrence:
    """What a scan is asked for; see `scan`. `single` if the state is one tensor."""

    step: Callable
    initial: tuple
    inputs: tuple
    n_steps: int
    keep: np.ndarray
    kept: tuple
    memory: int
    single: bool
    name = "a scan"

    @staticmethod
    def checked(step, initial, inputs, n_steps, keep, kept, memory):
        """The recurrence, its parts checked."""
        single = not isinstance(initial, (tuple, list))
        initial = tuple(nodes.as_input("initial", s) for s in ([initial] if single else initial))
        inputs = tuple(nodes.as_input(f"inputs[{i}]", x) for i, x in enumerate(inputs))
        n_steps = _number_of_steps(inputs, n_steps)
        keep = _times_to_keep(keep, n_steps)
        kept = tuple(range(len(initial))) if kept is None else tuple(kept)
        if not initial or not kept or not all(i in range(len(initial)) for i in kept):
            raise ValueError(f"kept is {kept} for a state of {len(initial)} tensors; expected numbers "
                             "from 0, at least one.")
        memory = positive_integer("memory", memory)
        return Recurrence(step, initial, inputs, n_steps, keep, kept, memory, single)

    def record(self, tracer: Any) -> Any:
        """One step is recorded inside; the kept states are a new variable."""
        if INSIDE in tracer.within:
            raise ValueError(f"a scan is called inside {INSIDE}; expected it outside.")
        state = [tracer.variable(tuple(s.shape)) for s in self.initial]
        rows = [tracer.variable(tuple(x.shape[1:])) for x in self.inputs]
        with tracer.inside(INSIDE) as inside:
            following = self.following([s for _, s in state], [x for _, x in rows])
        number, output = tracer.variable(self.output_shape())
        initial, inputs = ([tf.convert_to_tensor(x, tf.float64) for x in arrays]
                           for arrays in (self.initial, self.inputs))
        tracer.add(_RecordedScan(self, initial, inputs, inside, following, tuple(n for n, _ in state),
                                 tuple(n for n, _ in rows), number))
        return tracer.shielded(number, output, [*initial, *inputs, *following])

    def following(self, state, rows):
        """step(state, *rows) as a list of tensors, checked."""
        result = self.step(state[0] if self.single else tuple(state), *rows)
        result = [result] if self.single else result
        if not isinstance(result, (tuple, list)) or len(result) != len(self.initial):
            raise ValueError(f"the step returns {type(result).__name__}; expected a tuple of "
                             f"{len(self.initial)} tensors, as the initial state is.")
        return [_like(i, new, s) for i, (new, s) in enumerate(zip(result, self.initial))]

    def returned(self):
        """The initial values of what is returned."""
        return [self.initial[i] for i in self.kept]

    def output_shape(self):
        """Shape of all returned states below each other, a column a time."""
        return sum(int(np.prod(s.shape)) for s in self.returned()), len(self.keep)

    def split(self, states):
        """The returned states of their shapes, from all of them below each other."""
        sizes = [int(np.prod(s.shape)) for s in self.returned()]
        parts = tf.split(states, sizes) if len(sizes) > 1 else [states]
        return [part if len(s.shape) == 1 else tf.reshape(part, (*s.shape, len(self.keep)))
                for part, s in zip(parts, self.returned())]

    def run(self):
        """The states as plain TensorFlow, step by step."""
        state = [tf.convert_to_tensor(s, tf.float64) for s in self.initial]
        wanted, found = set(self.keep.tolist()), []
        for k in range(self.n_steps + 1):
            if k in wanted:
                found.append([state[i] for i in self.kept])
            if k < self.n_steps:
                rows = [tf.convert_to_tensor(x[k], tf.float64) for x in self.inputs]
                state = self.following(state, rows)
        return [tf.stack(part, axis=-1) for part in zip(*found)]


@dataclass(frozen=True)
class _RecordedScan:
    recurrence: Recurrence
    initial: list
    inputs: list
    inside: list
    following: list
    state: tuple
    rows: tuple
    output: int

    def described(self, graph, moving=None):
        """What does not change from step to step, and the scan over the rest."""
        held, changing = separated(self.inside, graph, {*self.state, *self.rows})
        r, step = self.recurrence, Procedure(changing, Piece(graph, self.following))
        start, inputs = (Piece(graph, x) for x in (self.initial, self.inputs))
        call = ScanCall(start, inputs, self.state, self.rows, step, r.n_steps, r.keep, r.kept,
                        self.output, r.memory)
        return [*held, call]


def _number_of_steps(inputs, n_steps):
    lengths = {int(x.shape[0]) if len(x.shape) else None for x in inputs}
    if n_steps is not None:
        lengths.add(positive_integer("n_steps", n_steps))
    if len(lengths) != 1 or None in lengths or 0 in lengths:
        given = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ValueError(f"inputs of the shapes ({given}) and n_steps={n_steps} are given; expected one "
                         "number of steps, at least 1, as the first axis of each input.")
    return lengths.pop()


def _times_to_keep(keep, n_steps):
    if keep is None:
        return np.arange(1, n_steps + 1)
    keep = np.atleast_1d(np.asarray(keep))
    if keep.ndim != 1 or not keep.size or keep.dtype.kind not in "iu":
        raise ValueError(f"keep is {keep.dtype} of shape {keep.shape}; expected whole numbers "
                         f"0 … {n_steps}.")
    bad = np.flatnonzero((keep < 0) | (keep > n_steps) | np.r_[False, np.diff(keep) <= 0])
    if bad.size:
        raise ValueError(f"keep[{bad[0]}] is {keep[bad[0]]}; expected increasing numbers from 0 to the "
                         f"{n_steps} steps.")
    return keep.astype(np.int64)


def _like(i, new, initial):
    if not tf.is_tensor(new) or new.dtype != tf.float64 or tuple(new.shape) != tuple(initial.shape):
        given = f"{new.dtype.name} {tuple(new.shape)}" if tf.is_tensor(new) else type(new).__name__
        raise ValueError(f"tensor {i} of the state after a step is {given}; expected float64 "
                         f"{tuple(initial.shape)}, as before the step.")
    return new
