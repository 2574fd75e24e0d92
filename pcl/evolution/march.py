"""March an equation of evolution through time; the whole march is one node of the model."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.evolution.fixed import Fixed
from pcl.evolution.readings import Readings
from pcl.evolution.scheme import Scheme
from pcl.evolution.schemes import BDF2, GeneralisedAlpha, SDIRK2, Theta
from pcl.evolution.step import Evolution
from pcl.evolution.systems import FirstOrder, SecondOrder
from pcl.evolution.times import AdaptiveTimes, as_asked, increasing
from pcl.nodes.equation.newton import Newton
from pcl.nodes.scan.scan import MEMORY
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import float64_array, known, require_free

# Spectral radius of generalised-α for infinite frequencies: 1 keeps all energy, 0 removes the highest
# frequencies in one step.
RADIUS = 0.8

# Schemes for systems of first order; the first is the default.
_FIRST_ORDER: dict[str, Scheme] = {"sdirk2": SDIRK2(), "backward-euler": Theta(1.0),
                                   "crank-nicolson": Theta(0.5), "bdf2": BDF2()}


def march(system: FirstOrder | SecondOrder, initial: ArrayLike | Tensor,
          times: ArrayLike | AdaptiveTimes, scheme: str | None = None, *,
          rate: ArrayLike | Tensor | None = None, at: ArrayLike | None = None, fixed: tuple | None = None,
          radius: float = RADIUS, return_rate: bool = False,
          memory: int = MEMORY, solver: str = Newton.solver, tolerance: float = Newton.tolerance,
          atol: float = Newton.atol, maxiter: int = Newton.maxiter) -> Tensor:
    """u(t) of an equation of evolution at given times, differentiable to second order.

    With u₀, u₁ at the ends of a step h and F(u, t) = K u + r(u, t) − f(t), the schemes are

        sdirk2              M (U − u₀)/(γh) + F(U, t₀ + γh) = 0, γ = 1 − 1/√2,
                            M (u₁ − u₀ − (1/γ − 1)(U − u₀))/(γh) + F(u₁, t₁) = 0     order 2, L-stable
        backward-euler      M (u₁ − u₀)/h + F(u₁, t₁) = 0                          order 1
        crank-nicolson      M (u₁ − u₀)/h + ½F(u₀, t₀) + ½F(u₁, t₁) = 0            order 2
        bdf2                M (a₀u₁ − a₁u₀ + a₂u₋₁)/h + F(u₁, t₁) = 0              order 2
                            a₀ = (1+2ω)/(1+ω), a₁ = 1+ω, a₂ = ω²/(1+ω), ω = h/h₋₁; the first step is
                            of sdirk2; ω above 2.41 is unstable (a warning)
        generalised-alpha   M u''_s + C u'_s + F(u_s, u'_s, t_s) = 0 between the ends    order 2

    Parameters
    ----------
    system : FirstOrder or SecondOrder
    initial : array or tensor (n,) or (n, k), u at times[0]; it may depend on θ
    times : (N + 1,), increasing; or pcl.AdaptiveTimes
        The steps, also by `pcl.uniform_times` and `pcl.geometric_times`. Equal ones share one
        factorisation when the matrices do not change. Adaptive ones are chosen by an error estimate at
        their first use.
    scheme : str
        By default "sdirk2", and "generalised-alpha" for systems of second order. After a jump sdirk2
        damps what the step does not resolve, with an undershoot below 0.21 of it in one step, 0.05 in
        two; "backward-euler" never undershoots.
    rate : array or tensor of the shape of u, for SecondOrder
        u' at times[0]; 0 by default.
    at : (m,), optional
        Times at which u is returned, within `times`, in any order. Between steps u is interpolated by
        a polynomial with an error of order h³ (backward Euler: linearly, h²): the method's own for
        sdirk2, which sees nothing of other steps, else a parabola through three times. By default all
        of `times`.
    fixed : (numbers, values), optional
        Entries of u that are prescribed; values is a scalar, (m,), or a function t -> one of them. An
        initial value that contradicts is overwritten.
    radius : float in [0, 1], of generalised-alpha
        Spectral radius at infinite frequency: 1 conserves energy, less removes what the mesh does not
        resolve.
    return_rate : bool, for SecondOrder
        Return (u, u').
    memory : bytes for the steps held at a time, see `pcl.scan`
    solver, tolerance, atol, maxiter : see `pcl.nodes.equation.newton.Newton`; each Newton iteration
        starts from the state before the step

    Returns
    -------
    u : tensor (n, m) or (n, k, m), a column for each time

    Raises
    ------
    ValueError
        Times that do not increase (with the first bad index), observation times outside (with the first),
        wrong shapes.
    NotConverged, SingularMatrix
        When evaluated, with the number of the step.

    Warns
    -----
    RuntimeWarning
        The initial state contradicts the fixed values.

    Notes
    -----
    Sources: R. Alexander, SIAM Journal on Numerical Analysis 14 (1977) 1006–1021 (sdirk2);
    E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 1996, chapter V (BDF with variable
    steps: volume I, section III.5); J. Chung, G. M. Hulbert, Journal of Applied Mechanics 60
    (1993) 371–375, equations 17 and 25 (generalised-α).

    Examples
    --------
    u' = −θ u, and the derivative of u(1) = e^−θ in θ:

    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1))
    >>> times = pcl.uniform_times(0.0, 1.0, 50)
    >>> def end(t):
    ...     return pcl.march(pcl.FirstOrder(stiffness=t["rate"] * K), [1.0], times)[0, -1]
    >>> problem = pcl.Problem(end, {"rate": 2.0})
    >>> round(problem.value([2.0]), 3), problem.gradient([2.0]).round(3)        # e⁻², −e⁻²
    (0.135, array([-0.135]))
    """
    initial = _state("initial", initial)
    name = _scheme(system, scheme)
    newton = dict(solver=solver, tolerance=tolerance, atol=atol, maxiter=maxiter)
    steps = GeneralisedAlpha.of_radius(radius) if name == "generalised-alpha" else _FIRST_ORDER[name]
    if name == "generalised-alpha":
        rate = np.zeros(tuple(initial.shape)) if rate is None else rate
        rate = _state("rate", rate, tuple(initial.shape))
    else:
        _refuse_rate(rate, return_rate)
    if fixed is not None:
        numbers, values = fixed
        fixed = Fixed(numbers, values, int(initial.shape[0]))
    evolution = Evolution(system, tuple(initial.shape), fixed, newton)
    run = _March(evolution, steps, initial, rate, memory)
    times, at = as_asked(_times(times, run), at, steps.order)
    if fixed is not None:
        _warn_of_contradiction(fixed, initial, times[0])
    u, v = run.at(times, at)
    return (u, v) if return_rate else u


def register_scheme(name: str, scheme: Scheme) -> None:
    """Make a scheme for systems of first order available to `march` under a name.

        order                                            of convergence
        stencil(times, k, s)                             u at t_k + s h_k: [(array, time, weight), …]
        march(evolution, initial, times, which, memory)  u (…, at), as `which.of(…)`

    `evolution.solve(a, b, Stage(t), t_fixed, guess)` is u of a M u + F(u, t) = b, `evolution.mass` M.

    Parameters
    ----------
    name : str
    scheme : `pcl.evolution.scheme.Scheme`

    Raises
    ------
    ValueError
        The name is taken.
    TypeError
        The scheme lacks one of the three.
    """
    require_free("scheme", name, {*_FIRST_ORDER, "generalised-alpha"})
    order, *functions = (getattr(scheme, part, None) for part in ("order", "stencil", "march"))
    if not isinstance(order, int) or order < 1 or not all(map(callable, functions)):
        raise TypeError(f"scheme is a {type(scheme).__name__}; expected an object with order (a whole "
                        "number ≥ 1) and the functions stencil(times, k, s) and "
                        "march(evolution, initial, times, which, memory).")
    _FIRST_ORDER[name] = scheme


@dataclass(frozen=True)
class _March:
    """A march with everything given but its times."""

    evolution: Evolution
    steps: Any      # a scheme, see `register_scheme`
    initial: Any
    rate: Any
    memory: int

    def at(self, times, at):
        """u and, of systems of second order, u' at the times `at`."""
        which = Readings(times, at, self.steps.stencil)
        fixed, initial = self.evolution.fixed, self.initial
        if fixed is not None:
            initial = fixed.imposed(tf.convert_to_tensor(initial, tf.float64), times[0])
        if self.rate is None:
            return self.steps.march(self.evolution, initial, times, which, self.memory), None
        return self.steps.march(self.evolution, initial, self.rate, times, which, self.memory)


def _times(times, run):
    """The times as an array; adaptive ones are chosen at their first use, which needs values."""
    if not isinstance(times, AdaptiveTimes):
        return increasing(times)
    if isinstance(run.steps, BDF2):
        raise ValueError("adaptive times are given to the scheme 'bdf2', which looks back over a step of "
                         "another size; use 'sdirk2', the default.")
    if not times.is_chosen and tf.executing_eagerly():
        times.choose(lambda t: run.at(t, None)[0], run.steps.order)
    return times.times


# --- doors ---------------------------------------------------------------------------------------
def _scheme(system, scheme):
    if isinstance(system, SecondOrder):
        allowed = ("generalised-alpha",)
    elif isinstance(system, FirstOrder):
        allowed = tuple(_FIRST_ORDER)
    else:
        raise TypeError(f"system is a {type(system).__name__}; expected pcl.FirstOrder or "
                        "pcl.SecondOrder.")
    scheme = allowed[0] if scheme is None else scheme
    known("scheme", scheme, allowed)
    return scheme


def _state(name, u, shape=None):
    u = nodes.as_input(name, u)
    if len(u.shape) not in (1, 2) or 0 in u.shape or (shape is not None and tuple(u.shape) != shape):
        raise ValueError(f"{name} has shape {tuple(u.shape)}; expected {shape or '(n,) or (n, k)'}.")
    return u if tf.is_tensor(u) else float64_array(name, u)


def _refuse_rate(rate, return_rate):
    if rate is not None or return_rate:
        raise ValueError("rate or return_rate is given for a system of first order; expected "
                         "pcl.SecondOrder.")


def _warn_of_contradiction(fixed, initial, t):
    """Warn where a known initial state and known fixed values differ."""
    g = fixed.at(t, tuple(initial.shape))
    known_values = [tf.get_static_value(x) if tf.is_tensor(x) else x for x in (initial, g)]
    if any(x is None for x in known_values):
        return
    u, g = known_values
    gap = np.abs(u[fixed.numbers] - g).max(initial=0.0)
    if gap > 1e-10 * max(np.abs(u).max(initial=0.0), np.abs(g).max(initial=0.0)):
        warnings.warn(f"the initial state contradicts the fixed values by up to {gap:.3g}; they "
                      "overwrite it.", RuntimeWarning, stacklevel=3)
