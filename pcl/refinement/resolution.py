"""How far a finer mesh, time grid or element order would move the parameters, in standard errors."""

import dataclasses
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.errors import TrialFailure
from pcl.problem import Problem
from pcl.refinement.one_step import OneStep, one_step
from pcl.refinement.report import Resolution
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_number
from pcl.uncertainty.sensitivity import sensitivity

ORDERLY = 2 / 3     # largest quotient of successive shifts that is extrapolated


def resolution(make_problem: Callable[[Any], Any], theta: ArrayLike | dict[str, ArrayLike],
               levels: Sequence, quantities: Mapping[str, Callable] | None = None,
               sigma: float | None = None, transfer: Mapping[str, Callable] | None = None,
               order: float | None = None) -> Resolution:
    """The shift of every parameter by refinement against its standard error, a `Resolution`.

        shift   θ̂_f − θ̂_c ≈ δ_f − δ_c,    δ_l the step from θ to the minimum of level l, `one_step`

    One Gauss–Newton or Newton step on a finer level from the solution on the coarse one; right to second
    order in the shift. A step is taken on the coarse level too, so that θ need not be converged to the
    last digit. The finest level is not exact either: see `remaining`.

    Parameters
    ----------
    make_problem : function of a level -> Problem
        The same problem, with the same data and blocks, on a mesh, a time grid or elements of that
        level. A level may be anything: 40, (40, "P2"), a list of times.
    theta : (p,) array or {block: array}
        The solution at `levels[0]`.
    levels : sequence of two or three levels
        Coarse, fine, and finer by the same factor.
    quantities : {name: function of {block: tensor} -> float64 tensor}, optional
        Functions of θ to be judged too. For a network they are what counts: values of the law at points,
        `lambda theta: net(theta["k"], x)[:, 0]`; its weights mean nothing one by one.
    sigma : float, optional
        s, standard deviation of the noise in a residual of ℓ = Σ r²; None is 1 for a problem of
        `Problem.from_data`, whose noise is stated, else an estimate from the residuals at `levels[0]`,
        of which the error of that level is part. Needed for a loss without residuals: 1 where ℓ is χ².
    transfer : {block: function (array, level) -> array}, optional
        For blocks whose size changes, such as fields of nodal values: their values at another level.
    order : float, optional
        Order of convergence; with two levels that are numbers `remaining` follows from it.

    Returns
    -------
    Resolution

    Raises
    ------
    TypeError, ValueError
        What make_problem returns; blocks of other names or sizes; a sigma that is missing; a level
        where the problem cannot be evaluated; nothing is determined.

    Notes
    -----
    Cost: each level's problem, one Jacobian with its singular values there, and up to 300 parameters one
    Hessian. Standard errors are those of `levels[0]`, of `levels[-1]` for transferred blocks.

    Examples
    --------
    The mean of x² by the trapezoidal rule with n steps is too large by 1/6n²: k for k · mean = 1.

    >>> import numpy as np, pcl
    >>> def make_problem(n):
    ...     mean = np.trapezoid(np.linspace(0.0, 1.0, n + 1)**2, dx=1.0 / n)
    ...     return pcl.Problem.from_residuals(lambda t: t["k"] * mean - np.array([0.9, 1.1]), {"k": 3.0})
    >>> result = pcl.minimize(make_problem(4))
    >>> found = pcl.resolution(make_problem, result.theta, levels=[4, 8, 16])
    >>> [float(part["k"].round(3)) for part in (found.shift, found.remaining, found.error)]
    [0.085, 0.006, 0.291]
    >>> found.fine_enough
    False
    """
    levels = _levels(levels)
    transfer, quantities = dict(transfer or {}), dict(quantities or {})
    coarse = _problem(make_problem, levels[0])
    theta = coarse.ravel(theta) if isinstance(theta, dict) else coarse.blocks.check(theta)
    _known_blocks(coarse, transfer, quantities)
    at = [_level(coarse, theta, levels[0], quantities)]
    for level in levels[1:]:
        problem = _problem(make_problem, level)
        carried = _carried(coarse, problem, theta, transfer, level)
        at.append(_level(problem, carried, level, quantities))
    s = _sigma(sigma, coarse, at[0].step)
    moved = [_shift(coarse, at[0], fine, transfer, quantities) for fine in at[1:]]
    shift, remaining = _extrapolated(moved, levels, order)
    return _report(levels, at, s, shift, remaining, transfer)


@dataclasses.dataclass(frozen=True, eq=False)
class _Level:
    """A problem at θ with its step, and the quantities q there: slices, values, dq/dθ."""

    name: object
    problem: Problem
    theta: np.ndarray
    step: OneStep
    slices: dict
    values: np.ndarray
    J: np.ndarray


def _level(problem, theta, level, quantities):
    try:
        step = one_step(problem, theta)
        slices, values, J = _quantities(problem, theta, quantities)
    except TrialFailure as error:
        raise ValueError(f"the problem at level {level!r} cannot be evaluated at theta: "
                         f"{error}") from error
    except ValueError as error:
        raise ValueError(f"at level {level!r}: {error}") from error
    return _Level(level, problem, theta, step, slices, values, J)


def _quantities(problem, theta, quantities):
    if not quantities:
        return {}, np.zeros(0), np.zeros((0, theta.size))
    sizes: dict[str, int] = {}

    def together(blocks):
        parts = [tf.reshape(tf.convert_to_tensor(quantities[name](blocks)), [-1]) for name in quantities]
        sizes.update((name, int(part.shape[0])) for name, part in zip(quantities, parts))
        return tf.concat(parts, axis=0)

    values, J = sensitivity(problem, theta, together)
    ends = np.cumsum(list(sizes.values()))
    slices = {name: slice(int(end) - sizes[name], int(end)) for name, end in zip(sizes, ends)}
    return slices, values, J


def _shift(coarse, at, fine, transfer, quantities):
    """{name: array} of parameters and quantities, from the coarse minimum to the fine one."""
    moved = _carried(coarse, fine.problem, at.theta + at.step.delta, transfer, fine.name)
    shift = fine.problem.unravel(fine.theta + fine.step.delta - moved)
    if fine.slices != at.slices:
        raise ValueError(f"the quantities have other sizes at level {fine.name!r} than at {at.name!r}; "
                         "expected functions of theta with values at fixed points.")
    q = fine.values + fine.J @ fine.step.delta - at.values - at.J @ at.step.delta
    return {**shift, **{name: q[piece] for name, piece in fine.slices.items()}}


def _extrapolated(moved, levels, order):
    """The shift to the finest level and what remains beyond it, NaN where that is not known.

        three levels: d₂ q/(1 − q), q = d₂/d₁;     two and an order: d/(ratio^order − 1)
    """
    last = moved[-1]
    if len(moved) == 2:
        first = {n: moved[0][n] for n in last if moved[0][n].shape == last[n].shape}
        return last, {n: _geometric(first.get(n), a) for n, a in last.items()}
    factor = np.nan if order is None else _ratio(levels) ** positive_number("order", order) - 1
    return last, {name: array / factor for name, array in last.items()}


def _geometric(first, total):
    if first is None:
        return np.full(np.shape(total), np.nan)
    second = total - first
    q = np.divide(second, first, out=np.full(np.shape(total), np.nan), where=first != 0)
    q = np.where(np.abs(q) <= ORDERLY, q, np.nan)
    return second * q / (1 - q)


def _report(levels, at, s, shift, remaining, transfer):
    coarse, fine = at[0], at[-1]
    value, error, seen = {}, {}, {}
    for name in coarse.problem.slices:
        level = fine if name in transfer else coarse
        value[name], error[name], seen[name] = (level.problem.unravel(array)[name] for array in (
            level.theta, s * level.step.errors, level.step.seen))
    of_values = coarse.step.error(coarse.J, s)
    for name, piece in coarse.slices.items():
        value[name], error[name] = coarse.values[piece], of_values[piece]
        seen[name] = np.ones(value[name].shape)
    remarks = [f"at level {level.name!r} {text}" for level in at for text in level.step.remarks]
    if all(np.array_equal(level.step.delta, coarse.step.delta) for level in at[1:]):
        remarks.append("the levels give the same numbers: does make_problem use its argument?")
    unfinished, most = _unfinished(coarse, s)
    return Resolution(tuple(levels), value, shift, error, remaining, seen, s, coarse.step.gradient,
                      unfinished, most, tuple(remarks))


def _unfinished(coarse, s):
    """The step that is left at the coarse level, in standard errors, and what it moves most."""
    step = coarse.step
    relative = np.divide(np.abs(step.delta), s * step.errors, out=np.zeros(step.delta.size),
                         where=(step.errors > 0) & (step.seen > 1 - 1e-6))
    found = {name: a.max(initial=0.0) for name, a in coarse.problem.unravel(relative).items()}
    error = step.error(coarse.J, s)
    relative = np.divide(np.abs(coarse.J @ step.delta), error, out=np.zeros(error.size), where=error > 0)
    found.update((name, relative[piece].max(initial=0.0)) for name, piece in coarse.slices.items())
    most = max(found, key=found.__getitem__)
    return float(found[most]), most


def _sigma(sigma, problem, step):
    if sigma is not None:
        return positive_number("sigma", sigma)
    if problem.statement is not None:
        return 1.0                      # residuals are divided by the noise that was stated
    if step.noise is None:
        raise ValueError("sigma is None and cannot be estimated: the problem states a loss, or has no "
                         "more residuals than it determines parameters. Give sigma, with loss = Σ r² and "
                         "r of that size (1 where the loss is χ²).")
    if step.noise == 0.0:
        raise ValueError("sigma is None, but theta leaves no residual: the data carry no noise to "
                         "estimate. Give sigma, the noise that measured data would have.")
    return step.noise


def _levels(levels):
    if isinstance(levels, (str, dict)) or not hasattr(levels, "__len__") or len(levels) not in (2, 3):
        raise ValueError(f"levels is {levels!r}; expected two or three levels, the one of theta first, "
                         "for instance (20, 40).")
    return tuple(levels)


def _problem(make_problem, level):
    if not callable(make_problem):
        raise TypeError(f"make_problem is a {type(make_problem).__name__}; expected a function of a "
                        "level that returns a pcl.Problem.")
    problem = make_problem(level)
    if not isinstance(problem, Problem):
        raise TypeError(f"make_problem({level!r}) returned a {type(problem).__name__}; expected a "
                        "pcl.Problem.")
    return problem


def _known_blocks(coarse, transfer, quantities):
    unknown = [name for name in transfer if name not in coarse.slices]
    if unknown:
        raise ValueError(f"transfer names {unknown}; the blocks are {list(coarse.slices)}.")
    twice = [name for name in quantities if name in coarse.slices]
    if twice:
        raise ValueError(f"quantities names {twice}, which are blocks of theta; give them other names.")


def _carried(coarse, fine, theta, transfer, level):
    """The flat θ at a finer level."""
    arrays, shapes = coarse.unravel(theta), fine.blocks.shapes
    if set(arrays) != set(shapes):
        raise ValueError(f"the problem at level {level!r} has the blocks {sorted(shapes)}; expected "
                         f"{sorted(arrays)}, those of the first level.")
    for name, function in transfer.items():
        arrays[name] = float64_array(f"transfer[{name!r}] to level {level!r}",
                                     function(arrays[name], level), shape=shapes[name])
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise ValueError(f"block {name!r} has shape {shapes[name]} at level {level!r} and "
                             f"{array.shape} at the first; give transfer={{{name!r}: function "
                             "(array, level) -> array}.")
    return fine.ravel(arrays)


def _ratio(levels):
    """By how much the second level is finer, from levels that are numbers."""
    if not all(isinstance(level, numbers.Real) and float(level) > 0 for level in levels):
        raise ValueError(f"order is given, but the levels {levels!r} are not numbers of cells or steps; "
                         "give a third level instead.")
    return max(levels[1] / levels[0], levels[0] / levels[1])
