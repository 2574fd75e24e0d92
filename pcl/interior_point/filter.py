"""Filter: pairs (θ, φ) of infeasibility and barrier function that a trial point must improve upon.

Wächter and Biegler 2006, section 2.3. A trial point is judged by

    θ ≤ (1 − γ_θ) θ_k  or  φ ≤ φ_k − γ_φ θ_k                                            (18)
    φ ≤ φ_k + η_φ α ∇φᵀd      where  −∇φᵀd α (−∇φᵀd)^(s_φ − 1) > δ θ_k^(s_θ), θ_k ≤ θ_min    (19), (20)
"""

import numpy as np

GAMMA_THETA, GAMMA_PHI = 1e-5, 1e-8     # γ_θ of the paper; γ_φ as in Ipopt (1e-5 in the paper)
DELTA, S_THETA, S_PHI = 1.0, 1.1, 2.3   # δ, s_θ, s_φ
ETA = 1e-8          # η_φ as in Ipopt (1e-4 in the paper)
_MAX, _MIN = 1e4, 1e-4      # θ_max and θ_min relative to max(1, θ(x₀))
GAMMA_ALPHA = 0.05  # γ_α of (23)
_LEAP = 5.0         # decades of |φ| by which a step may raise φ (Ipopt: obj_max_inc)
_ROUNDING = 10.0 * np.finfo(np.float64).eps     # φ is compared up to this times |φ_k|, section 3


class Filter:
    """The forbidden pairs."""

    def __init__(self, theta_start):
        size = max(1.0, theta_start)
        self.theta_max, self.theta_min = _MAX * size, _MIN * size
        self._pairs = np.zeros((0, 2))

    def clear(self):
        """Forget all pairs; called when μ changes."""
        self._pairs = np.zeros((0, 2))

    def add(self, theta, phi):
        """Forbid what is not better than (1 − γ_θ) θ and φ − γ_φ θ (22)."""
        pair = np.array([[(1.0 - GAMMA_THETA) * theta, phi - GAMMA_PHI * theta]])
        kept = self._pairs[(self._pairs < pair).any(axis=1)]
        self._pairs = np.concatenate([kept, pair])

    def allows(self, theta, phi):
        """True if no pair forbids (θ, φ)."""
        return theta <= self.theta_max and bool(
            ((theta < self._pairs[:, 0]) | (phi < self._pairs[:, 1])).all())


class Test:
    """The acceptance test from one iterate along one direction.

    theta, phi: of the iterate; slope: ∇φᵀd.
    """

    def __init__(self, filter_, theta, phi, slope):
        self.filter, self.theta, self.phi, self.slope = filter_, theta, phi, slope
        self._slack = _ROUNDING * abs(phi)

    def switching(self, alpha):
        """(19): the step is one for the objective."""
        descent = -self.slope
        return descent > 0.0 and alpha * _power(descent, S_PHI) > DELTA * _power(self.theta, S_THETA)

    def armijo(self, alpha, phi):
        """(20)."""
        return phi - self._slack <= self.phi + ETA * alpha * self.slope

    def accepts(self, alpha, theta, phi):
        """True if the trial point may be taken; extends the filter where the paper says so."""
        if not np.isfinite(phi) or self.leaps(phi) or not self.filter.allows(theta, phi):
            return False
        if self.theta <= self.filter.theta_min and self.switching(alpha):
            return self.armijo(alpha, phi)
        return (theta <= (1.0 - GAMMA_THETA) * self.theta
                or phi - self._slack <= self.phi - GAMMA_PHI * self.theta)

    def leaps(self, phi):
        """φ rises by decades: the step passed a pole, and a smaller violation is no reason to take it."""
        return phi > self.phi + 10.0 ** _LEAP * max(10.0, abs(self.phi))

    def extend(self, alpha, phi):
        """After acceptance: the iterate enters the filter unless the step was one for the objective."""
        if not (self.switching(alpha) and self.armijo(alpha, phi)):
            self.filter.add(self.theta, self.phi)

    def smallest(self):
        """α_min of (23): below it the restoration phase takes over."""
        bound = GAMMA_THETA
        if self.slope < 0.0:
            bound = min(bound, GAMMA_PHI * self.theta / -self.slope)
            if self.theta <= self.filter.theta_min:
                bound = min(bound, DELTA * _power(self.theta, S_THETA) / _power(-self.slope, S_PHI))
        return GAMMA_ALPHA * bound


def _power(size, exponent):
    """size^exponent, inf where it overflows."""
    with np.errstate(over="ignore"):
        return np.float64(size) ** exponent
