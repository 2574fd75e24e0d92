"""Schemes in time as recurrences: what one step solves, and how u is read between the steps."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.evolution.fixed import Fixed
from pcl.evolution.readings import Readings, linear, parabola
from pcl.evolution.step import Evolution, Stage
from pcl.evolution.systems import FirstOrder
from pcl.evolution.times import steps_of
from pcl.nodes.scan.scan import scan
from pcl.support.types import Array

# Ratio of neighbouring steps up to which BDF2 is stable on every grid (Hairer, Nørsett, Wanner, III.5).
LARGEST_RATIO = 1.0 + np.sqrt(2.0)


@dataclass(frozen=True)
class Theta:
    """M (u₁ − u₀)/h + (1 − θ) F(u₀, t₀) + θ F(u₁, t₁) = 0."""

    theta: float

    @property
    def order(self) -> int:
        """Of convergence."""
        return 2 if self.theta == 0.5 else 1

    @property
    def stencil(self) -> Callable[[Array, int, float], list]:
        """How u is read between the steps."""
        return parabola if self.theta == 0.5 else linear

    def march(self, evolution: Evolution, initial: Any, times: Array, which: Readings,
              memory: int) -> Any:
        """u (…, at)."""
        h, inputs = _steps(times)

        def step(u, t0, t1, *dt):
            return self.step(evolution, u, t0, t1, h or dt[0])
        return which.of(scan(step, initial, inputs, keep=which.keep, memory=memory))

    def step(self, evolution, u0, t0, t1, h):
        """u₁."""
        b = (1.0 / h) * (evolution.mass @ u0)
        if self.theta < 1.0:
            b = b - (1.0 - self.theta) * evolution.forces(u0, None, t0)
        return evolution.solve(1.0 / h, b, Stage(t1, weight=self.theta), t1, u0)


class SDIRK2:
    """The stiffly accurate method of two stages, γ = 1 − 1/√2, both with the matrix M + γ h K:

        M (U − u₀)/(γh) + F(U, t₀ + γh) = 0
        M (u₁ − u₀ − (1/γ − 1)(U − u₀))/(γh) + F(u₁, t₁) = 0

    The second line has the first in place of F(U): F is evaluated at no given state, and M may be
    singular. For u' = λu, z = λh, u₁/u₀ = (1 + (1 − 2γ) z)/(1 − γz)², which is 0 at infinity and never
    below −0.21 on the negative axis.

    Between the steps u is the method's own continuation of second order, with u' at t₁ from the stages;
    in the first step, which may begin with a jump, the parabola through the first three times.
    """

    order = 2
    gamma = 1.0 - np.sqrt(0.5)

    def march(self, evolution: Evolution, initial: Any, times: Array, which: Readings,
              memory: int) -> Any:
        """u (…, at)."""
        h, inputs = _steps(times)
        arrays = which.n_arrays

        def step(state, t0, t1, *dt):
            return self.step(evolution, state[0], t0, t1, h or dt[0])[:arrays]
        states = scan(step, (initial,) * arrays, inputs, keep=which.keep, memory=memory)
        return which.of(*states)

    def step(self, evolution, u0, t0, t1, h):
        """(u₁, U)."""
        gamma, a = self.gamma, 1.0 / (self.gamma * h)
        middle = t0 + gamma * h
        U = evolution.solve(a, a * (evolution.mass @ u0), Stage(middle), middle, u0)
        b = a * (evolution.mass @ ((2.0 - 1.0 / gamma) * u0 + (1.0 / gamma - 1.0) * U))
        return evolution.solve(a, b, Stage(t1), t1, U), U

    def stencil(self, times: Array, k: int, s: float) -> list:
        """u₀ + b₁ h u'(U) + b₂ h u'(u₁) with b₁ + b₂ = s, γ b₁ + b₂ = s²/2, in u₀, u₁ and U."""
        if k == 0:
            return parabola(times, k, s)
        gamma = self.gamma
        b2 = (0.5 * s * s - gamma * s) / (1.0 - gamma)
        b1 = s - b2
        stage, end = b1 / gamma - b2 * (1.0 - gamma) / gamma ** 2, b2 / gamma
        return [(0, k, 1.0 - stage - end), (0, k + 1, end), (1, k + 1, stage)]


class BDF2:
    """M (a₀u₁ − a₁u₀ + a₂u₋₁)/h + F(u₁, t₁) = 0, the first step by `SDIRK2`."""

    order = 2
    stencil = staticmethod(parabola)

    def march(self, evolution: Evolution, initial: Any, times: Array, which: Readings,
              memory: int) -> Any:
        """u (…, at)."""
        _warn_of_growth(times)
        initial = tf.convert_to_tensor(initial, tf.float64)
        first, _ = SDIRK2().step(evolution, initial, times[0], times[1], times[1] - times[0])
        kept = [u[..., None] for k, u in enumerate((initial, first)) if k in which.keep]
        later = which.keep[which.keep > 1] - 1
        if later.size:
            kept.append(self._scan(evolution, (first, initial), times, later, memory))
        return which.of(tf.concat(kept, axis=-1) if len(kept) > 1 else kept[0])

    @staticmethod
    def _scan(evolution, state, times, keep, memory):
        h, inputs = _steps(times[1:])
        steps = steps_of(times)
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
class GeneralisedAlpha:
    """Balance of forces at the weighted ends of the step, with Newmark's formulas

        u₁ = u₀ + h v₀ + h²((½ − β) a₀ + β a₁),   v₁ = v₀ + h((1 − γ) a₀ + γ a₁)
        u_s = (1 − α_f) u₁ + α_f u₀, likewise v_s and t_s;   a_s = (1 − α_m) a₁ + α_m a₀

    solved for u₁.
    """

    order = 2
    stencil = staticmethod(parabola)

    alpha_m: float
    alpha_f: float
    beta: float
    gamma: float

    @staticmethod
    def of_radius(radius: float) -> "GeneralisedAlpha":
        """The second order scheme of largest damping of high frequencies (Chung and Hulbert)."""
        if not np.ndim(radius) == 0 or not 0.0 <= radius <= 1.0:
            raise ValueError(f"radius is {radius!r}; expected a number from 0 to 1.")
        alpha_m, alpha_f = (2 * radius - 1) / (radius + 1), radius / (radius + 1)
        return GeneralisedAlpha(alpha_m, alpha_f, 0.25 * (1 - alpha_m + alpha_f) ** 2,
                                0.5 - alpha_m + alpha_f)

    def march(self, evolution: Evolution, u: Any, v: Any, times: Array, which: Readings,
              memory: int) -> tuple[Any, Any]:
        """u and v (…, at)."""
        h, inputs = _steps(times)
        state = u, v, self._acceleration(evolution, u, v, times)
        state = tuple(tf.convert_to_tensor(x, tf.float64) for x in state)

        def step(state, t0, t1, *dt):
            u, v, a = state
            return self.step(evolution, u, v, a, t0, t1, h or dt[0])
        u, v = scan(step, state, inputs, keep=which.keep, kept=(0, 1), memory=memory)
        return which.of(u), which.of(v)

    @staticmethod
    def _acceleration(evolution, u, v, times):
        """M a₀ = −C v₀ − F(u₀, v₀, t₀); fixed entries from their motion in the first step."""
        linear = Evolution(FirstOrder(evolution.mass, load=np.zeros(evolution.shape)), evolution.shape,
                           None, dict(solver=evolution.solver))
        if evolution.fixed is not None:
            h, f = times[1] - times[0], evolution.fixed
            ahead = f.split.take_fixed @ (u + h * tf.convert_to_tensor(v))
            moved = f.at(times[1], tuple(evolution.shape)) - ahead
            linear.fixed = Fixed(f.numbers, (2.0 / h ** 2) * moved, evolution.shape[0])
        t = times[0]
        return linear.solve(1.0, -evolution.forces(u, v, t), Stage(t, weight=0.0), t, None)

    def step(self, evolution, u0, v0, a0, t0, t1, h):
        """u₁, v₁, a₁."""
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


def _warn_of_growth(times):
    steps = np.diff(times)
    ratio = steps[1:] / steps[:-1]
    if np.count_nonzero(ratio > LARGEST_RATIO) > 1:
        warnings.warn(f"steps grow by factors up to {ratio.max():.3g}; bdf2 is stable up to "
                      f"{LARGEST_RATIO:.4g} from step to step. Use the scheme 'sdirk2'.", RuntimeWarning,
                      stacklevel=5)


def _steps(times):
    """(the step if all are equal, rows of a scan: t₀, t₁ and, if they differ, the steps)."""
    ends = times[:-1], times[1:]
    if _uniform(times):
        return (times[-1] - times[0]) / (len(times) - 1), ends
    return None, (*ends, steps_of(times))


def _uniform(times):
    """Whether all steps are equal up to the rounding of the times."""
    steps = np.diff(times)
    return np.ptp(steps) <= 8 * np.finfo(float).eps * np.abs(times).max()
