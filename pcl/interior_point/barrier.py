"""The barrier parameter μ: monotone (Fiacco–McCormick) or adaptive."""

import numpy as np

KAPPA_EPSILON, KAPPA_MU, THETA_MU = 10.0, 0.2, 1.5      # κ_ε, κ_μ, θ_μ of (7)
TAU_MIN = 0.99      # τ_min of (8)
_SMALLEST = 11.0    # μ is kept above tol/(κ_ε + 1)
_REFERENCES, _PROGRESS = 4, 0.9999      # Nocedal, Wächter and Waltz 2009, section 4: l_max, κ
_RESTART = 0.8      # same: μ = 0.8 × mean complementarity when the monotone mode begins


class Monotone:
    """μ falls by (7) whenever the barrier problem is solved to κ_ε μ."""

    def __init__(self, mu, tol):
        self.mu, self._floor = mu, tol / _SMALLEST

    def update(self, state):
        """True if μ changed."""
        old = self.mu
        while self.mu > self._floor and state.error(self.mu) <= KAPPA_EPSILON * self.mu:
            self.mu = max(self._floor, min(KAPPA_MU * self.mu, self.mu ** THETA_MU))
        return self.mu != old

    def shrink(self):
        """Go on to the next μ without the test; False at the last."""
        old = self.mu
        self.mu = max(self._floor, min(KAPPA_MU * self.mu, self.mu ** THETA_MU))
        return self.mu < old


class Adaptive(Monotone):
    """μ = σ × mean complementarity at every step, while the error falls; else monotone.

        σ = 0.1 min(0.05 (1 − ξ)/ξ, 2)³,     ξ = min_i (d z)_i / mean_i (d z)_i

    Vanderbei and Shanno 1999 (LOQO); the switch between the modes is that of Nocedal, Wächter and Waltz,
    SIAM J. Optim. 19 (2009), algorithm A: the free mode lasts while the error is below κ times the
    largest of the last four.
    """

    def __init__(self, mu, tol):
        super().__init__(mu, tol)
        self._free, self._errors, self._begun = False, [], False

    def update(self, state):
        """True if μ changed."""
        error = state.error(0.0)
        enough = not self._errors or error <= _PROGRESS * max(self._errors[-_REFERENCES:])
        if enough:
            self._errors.append(error)
        if not self._begun:
            self._begun = True
            return False
        if self._free and enough:
            return self._set(self._centred(state))
        if self._free:
            self._free = False
            return self._set(max(self.mu, _RESTART * state.mean_complementarity()))
        changed = super().update(state)
        if changed and enough:
            self._free = True
            self._set(min(self.mu, self._centred(state)))
        return changed

    def _set(self, mu):
        old, self.mu = self.mu, min(max(mu, self._floor), 1e5)
        return self.mu != old

    @staticmethod
    def _centred(state):
        products = state.products()
        mean = float(products.mean())
        xi = max(float(products.min()) / mean, 1e-12) if mean > 0.0 else 1.0
        return 0.1 * min(0.05 * (1.0 - xi) / xi, 2.0) ** 3 * mean


def tau(mu):
    """Share of the way to a bound that a step may go (8)."""
    return max(TAU_MIN, 1.0 - mu)


def fraction_to_boundary(distance, step, share):
    """Largest α ≤ 1 with distance + α step ≥ (1 − share) distance (15); distances may be +inf."""
    ratio = step / distance
    lowest = float(ratio.min(initial=0.0))
    return 1.0 if lowest >= -share else share / -lowest


def start_value(objective, slope, bounded, given):
    """First μ: the size of the objective per bound, between 1e-3 and the 0.1 of the paper.

    That size is |f(x₀)| or, as f may vanish there by chance, slope = Σ |∂f/∂x_i| max(1, |x_i|).
    """
    if given is not None:
        return given
    size = max(abs(objective), slope) / max(bounded, 1)
    return float(np.clip(size, 1e-3, 0.1)) if size > 0.0 else 0.1
