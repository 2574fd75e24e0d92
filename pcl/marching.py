"""March an equation of evolution through time; the whole march is one node of the model."""

import warnings
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pcl import nodes
from pcl.evolution import Evolution, FirstOrder, Fixed, SecondOrder, Stage
from pcl.linear_map import LinearMap
from pcl.newton import Newton
from pcl.recurrence import MEMORY, scan
from pcl.validate import float64_array, known

# Spectral radius of generalised-α for infinite frequencies: 1 keeps all energy, 0 removes the highest
# frequencies in one step.
RADIUS = 0.8

_FIRST_ORDER = ("backward-euler", "crank-nicolson", "bdf2")


def march(system, initial, times, scheme=None, *, rate=None, at=None, fixed=None, radius=RADIUS,
          return_rate=False, memory=MEMORY, solver=Newton.solver, tolerance=Newton.tolerance,
          atol=Newton.atol, maxiter=Newton.maxiter):
    """u(t) of an equation of evolution at given times, differentiable to second order.

    With u₀, u₁ at the ends of a step h and F(u, t) = K u + r(u, t) − f(t), the schemes are

        backward-euler      M (u₁ − u₀)/h + F(u₁, t₁) = 0                          order 1
        crank-nicolson      M (u₁ − u₀)/h + ½F(u₀, t₀) + ½F(u₁, t₁) = 0            order 2
        bdf2                M (a₀u₁ − a₁u₀ + a₂u₋₁)/h + F(u₁, t₁) = 0              order 2
                            a₀ = (1+2ω)/(1+ω), a₁ = 1+ω, a₂ = ω²/(1+ω), ω = h/h₋₁; the first step is
                            backward Euler
        generalised-alpha   M u''_s + C u'_s + F(u_s, u'_s, t_s) = 0 between the ends    order 2

    Parameters
    ----------
    system : FirstOrder or SecondOrder
    initial : array or tensor (n,) or (n, k), u at times[0]; it may depend on θ
    times : (N + 1,), increasing
        The steps. Equal ones share one factorisation when the matrices do not change.
    scheme : str
        By default "backward-euler", and "generalised-alpha" for systems of second order.
    rate : array or tensor of the shape of u, for SecondOrder
        u' at times[0]; 0 by default.
    at : (m,), optional
        Times at which u is returned, within `times`, in any order; between steps u is interpolated
        linearly (an error of order h²). By default all of `times`.
    fixed : (numbers, values), optional
        Entries of u that are prescribed; values is a scalar, (m,), or a function t -> one of them. An
        initial value that contradicts is overwritten.
    radius : float in [0, 1], of generalised-alpha
        Spectral radius at infinite frequency: 1 conserves energy, less removes what the mesh does not
        resolve.
    return_rate : bool, for SecondOrder
        Return (u, u').
    memory : bytes for the steps held at a time, see `pcl.scan`
    solver, tolerance, atol, maxiter : see `pcl.newton.Newton`; each Newton iteration starts from the
        state before the step

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
    Sources: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 1996, chapter V (BDF with
    variable steps: volume I, section III.5); J. Chung, G. M. Hulbert, Journal of Applied Mechanics 60
    (1993) 371–375, equations 17 and 25 (generalised-α).
    """
    times = _increasing(times)
    initial = _state("initial", initial)
    scheme = _scheme(system, scheme)
    fixed = None if fixed is None else Fixed(*fixed, int(initial.shape[0]))
    if fixed is not None:
        _warn_of_contradiction(fixed, initial, times[0])
        initial = fixed.imposed(tf.convert_to_tensor(initial, tf.float64), times[0])
    newton = dict(solver=solver, tolerance=tolerance, atol=atol, maxiter=maxiter)
    evolution = Evolution(system, tuple(initial.shape), fixed, newton)
    which = _Observation(times, at)
    if scheme != "generalised-alpha":
        _refuse_rate(rate, return_rate)
        steps = {"backward-euler": _Theta(1.0), "crank-nicolson": _Theta(0.5), "bdf2": _BDF2()}[scheme]
        return steps.march(evolution, initial, times, which, memory)
    rate = _state("rate", np.zeros(tuple(initial.shape)) if rate is None else rate, tuple(initial.shape))
    u, v = _GeneralisedAlpha.of_radius(radius).march(evolution, initial, rate, times, which, memory)
    return (u, v) if return_rate else u


# --- schemes -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Theta:
    """M (u₁ − u₀)/h + (1 − θ) F(u₀, t₀) + θ F(u₁, t₁) = 0."""

    theta: float

    def march(self, evolution, initial, times, which, memory):
        h, inputs = _steps(times)

        def step(u, t0, t1, *dt):
            return self.step(evolution, u, t0, t1, h or dt[0])
        return which.of(scan(step, initial, inputs, keep=which.keep, memory=memory))

    def step(self, evolution, u0, t0, t1, h):
        b = (1.0 / h) * (evolution.mass @ u0)
        if self.theta < 1.0:
            b = b - (1.0 - self.theta) * evolution.forces(u0, None, t0)
        return evolution.solve(1.0 / h, b, Stage(t1, weight=self.theta), t1, u0)


class _BDF2:
    """M (a₀u₁ − a₁u₀ + a₂u₋₁)/h + F(u₁, t₁) = 0, the first step by backward Euler."""

    def march(self, evolution, initial, times, which, memory):
        initial = tf.convert_to_tensor(initial, tf.float64)
        first = _Theta(1.0).step(evolution, initial, times[0], times[1], times[1] - times[0])
        kept = [u[..., None] for k, u in enumerate((initial, first)) if k in which.keep]
        later = which.keep[which.keep > 1] - 1
        if later.size:
            kept.append(self._scan(evolution, (first, initial), times, later, memory))
        return which.of(tf.concat(kept, axis=-1) if len(kept) > 1 else kept[0])

    def _scan(self, evolution, state, times, keep, memory):
        h, inputs = _steps(times[1:])
        steps = np.diff(times)
        ratios = () if _uniform(times) else (steps[1:] / steps[:-1],)
        h = h if not ratios else None
        inputs = inputs if len(inputs) == 3 or h else (*inputs, steps[1:])

        def step(state, t0, t1, *rows):
            u0, before = state
            dt, omega = (h, 1.0) if h else rows
            a0, a1, a2 = (1 + 2 * omega) / (1 + omega), 1 + omega, omega * omega / (1 + omega)
            b = evolution.mass @ ((a1 / dt) * u0 - (a2 / dt) * before)
            return evolution.solve(a0 / dt, b, Stage(t1), t1, u0), u0
        return scan(step, state, (*inputs, *ratios), keep=keep, kept=(0,), memory=memory)[0]


@dataclass(frozen=True)
class _GeneralisedAlpha:
    """Balance of forces at the weighted ends of the step, with Newmark's formulas

        u₁ = u₀ + h v₀ + h²((½ − β) a₀ + β a₁),   v₁ = v₀ + h((1 − γ) a₀ + γ a₁)
        u_s = (1 − α_f) u₁ + α_f u₀, likewise v_s and t_s;   a_s = (1 − α_m) a₁ + α_m a₀

    solved for u₁.
    """

    alpha_m: float
    alpha_f: float
    beta: float
    gamma: float

    @staticmethod
    def of_radius(radius):
        """The second order scheme of largest damping of high frequencies (Chung and Hulbert)."""
        if not np.ndim(radius) == 0 or not 0.0 <= radius <= 1.0:
            raise ValueError(f"radius is {radius!r}; expected a number from 0 to 1.")
        alpha_m, alpha_f = (2 * radius - 1) / (radius + 1), radius / (radius + 1)
        return _GeneralisedAlpha(alpha_m, alpha_f, 0.25 * (1 - alpha_m + alpha_f) ** 2,
                                 0.5 - alpha_m + alpha_f)

    def march(self, evolution, u, v, times, which, memory):
        h, inputs = _steps(times)
        state = u, v, self._acceleration(evolution, u, v, times)
        state = tuple(tf.convert_to_tensor(x, tf.float64) for x in state)

        def step(state, t0, t1, *dt):
            return self.step(evolution, *state, t0, t1, h or dt[0])
        u, v = scan(step, state, inputs, keep=which.keep, kept=(0, 1), memory=memory)
        return which.of(u), which.of(v)

    @staticmethod
    def _acceleration(evolution, u, v, times):
        """M a₀ = −C v₀ − F(u₀, v₀, t₀); fixed entries from their motion in the first step."""
        linear = Evolution(FirstOrder(evolution.mass, load=np.zeros(evolution.shape)), evolution.shape,
                           None, dict(solver=evolution.solver))
        if evolution.fixed is not None:
            h, f = times[1] - times[0], evolution.fixed
            moved = f.at(times[1], tuple(evolution.shape)) - f.take @ (u + h * tf.convert_to_tensor(v))
            linear.fixed = Fixed(f.numbers, (2.0 / h ** 2) * moved, evolution.shape[0])
        t = times[0]
        return linear.solve(1.0, -evolution.forces(u, v, t), Stage(t, weight=0.0), t, None)

    def step(self, evolution, u0, v0, a0, t0, t1, h):
        alpha_m, alpha_f, beta, gamma = self.alpha_m, self.alpha_f, self.beta, self.gamma
        # a₁ = (u₁ − p)/(β h²) and v₁ = q + γ (u₁ − p)/(β h)
        p = u0 + h * v0 + (h * h * (0.5 - beta)) * a0
        q = v0 + (h * (1.0 - gamma)) * a0
        slope = gamma / (beta * h)
        inertia = (1.0 - alpha_m) / (beta * h * h)
        b = evolution.mass @ (inertia * p - alpha_m * a0)
        stage = Stage((1.0 - alpha_f) * t1 + alpha_f * t0,
                      u=(1.0 - alpha_f, alpha_f * u0),
                      v=((1.0 - alpha_f) * slope, (1.0 - alpha_f) * (q - slope * p) + alpha_f * v0))
        u1 = evolution.solve(inertia, b, stage, t1, u0)
        return u1, q + slope * (u1 - p), (u1 - p) / (beta * h * h)


# --- times ---------------------------------------------------------------------------------------
class _Observation:
    """Which states to keep, and u at the asked times from them."""

    def __init__(self, times, at):
        at = times if at is None else float64_array("at", at, (None,))
        if not at.size:
            raise ValueError("at is empty; expected at least one time.")
        rounding = 8 * np.finfo(float).eps * np.abs(times).max()
        outside = np.flatnonzero((at < times[0] - rounding) | (at > times[-1] + rounding))
        if outside.size:
            raise ValueError(f"at[{outside[0]}] is {at[outside[0]]:.8g}, outside of the march from "
                             f"{times[0]:.8g} to {times[-1]:.8g}.")
        before = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
        weight = np.clip((at - times[before]) / (times[before + 1] - times[before]), 0.0, 1.0)
        near = np.abs(at - times[before + np.rint(weight).astype(int)]) <= rounding
        weight = np.where(near, np.rint(weight), weight)
        self.keep = np.union1d(before[weight < 1.0], before[weight > 0.0] + 1)
        self._weights = np.zeros((len(self.keep), len(at)))
        for j, (k, w) in enumerate(zip(before, weight)):
            for time, share in ((k, 1.0 - w), (k + 1, w)):
                if share:
                    self._weights[np.searchsorted(self.keep, time), j] = share

    def of(self, states):
        """u (…, at) from the kept states (…, keep)."""
        if np.array_equal(self._weights, np.eye(len(self.keep))):
            return states
        shape = tuple(states.shape)
        columns = tf.transpose(tf.reshape(states, (-1, shape[-1])))
        result = LinearMap(self._weights.T) @ columns
        return tf.reshape(tf.transpose(result), (*shape[:-1], self._weights.shape[1]))


def _steps(times):
    """(the step if all are equal, rows of a scan: t₀, t₁ and, if they differ, the steps)."""
    ends = times[:-1], times[1:]
    if _uniform(times):
        return (times[-1] - times[0]) / (len(times) - 1), ends
    return None, (*ends, np.diff(times))


def _uniform(times):
    """Whether all steps are equal up to the rounding of the times."""
    steps = np.diff(times)
    return np.ptp(steps) <= 8 * np.finfo(float).eps * np.abs(times).max()


def _increasing(times):
    times = float64_array("times", times, (None,))
    if len(times) < 2:
        raise ValueError(f"times has {len(times)} entries; expected the start and the end of at least "
                         "one step.")
    bad = np.flatnonzero(np.diff(times) <= 0.0)
    if bad.size:
        k = bad[0]
        raise ValueError(f"times does not increase: times[{k}] = {times[k]:.8g}, times[{k + 1}] = "
                         f"{times[k + 1]:.8g}; expected steps > 0.")
    return times


# --- doors ---------------------------------------------------------------------------------------
def _scheme(system, scheme):
    if isinstance(system, SecondOrder):
        allowed = ("generalised-alpha",)
    elif isinstance(system, FirstOrder):
        allowed = _FIRST_ORDER
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
