"""Training through an integrator: the sequential way, for the fed batch.

    ℓ(θ) = Σ ω (x(t_i; θ) − seen)² + ½ ρ |θ|²,      x' = f(x, μ(S; θ)),      Z' = f_x Z + f_μ μ_θ,   Z =
    dx/dθ

States and sensitivities Z are integrated together by LSODA, which changes to a stiff method (BDF) where
it has to; the gradient is that of the integrator's result to its tolerance. μ is a network with one
hidden layer.
"""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import block_diag
from scipy.optimize import minimize

RTOL, ATOL = 1e-6, 1e-9
LOST = 1e6          # loss where there is no trajectory, as a multiple of the first one
_BETAS, _EPS = (0.9, 0.999), 1e-8       # Kingma and Ba (2015), algorithm 1


class Shooting:
    """ℓ and its gradient.

    Parameters
    ----------
    data : list of Trajectory with all states observed at the same times
    law : Law of S with one hidden layer of tanh
    decay : ρ

    Attributes
    ----------
    lows : list of the least S of all trajectories at each evaluation, of the steps of the integrator
    lost : how often the integrator did not reach the end
    """

    def __init__(self, data, law, decay):
        self._runs, self._law, self._decay = list(data), law, decay
        self.lows, self.lost = [], 0

    def __call__(self, theta):
        """(ℓ, gradient); (inf, 0) where a trajectory does not reach the end."""
        value, slope, low = 0.5 * self._decay * theta @ theta, self._decay * theta, np.inf
        for run in self._runs:
            times, x, Z, least = self._trajectory(run, theta)
            if x is None:
                self.lost += 1
                return np.inf, np.zeros_like(theta)
            series = [run.observed[name] for name in ("X", "P", "S", "V")]
            r = np.stack([x[:, k] - s.values for k, s in enumerate(series)], axis=1)
            omega = np.stack([s.weights for s in series], axis=1)
            value += (omega * r ** 2).sum()
            slope = slope + 2.0 * np.einsum("tk,tkp->p", omega * r, Z)
            low = min(low, least)
        self.lows.append(low)
        return value, slope

    def _trajectory(self, run, theta):
        """Times, states (n, 4), sensitivities (n, 4, p), least S at the steps; None without an end."""
        times, p = run.observed["S"].times, theta.size
        start = np.concatenate([[run.initial[name] for name in ("X", "P", "S", "V")], np.zeros(4 * p)])
        feed = [float(run.inputs[name](np.zeros(1))[0]) for name in ("F", "Sf")]
        law = _Growth(self._law, theta)

        def motion(_, y):
            rate, f_x, f_mu, slopes = balances(y[:4], *feed, law)
            return np.concatenate([rate, (f_x @ y[4:].reshape(4, p) + np.outer(f_mu, slopes)).ravel()])

        def jacobian(_, y):             # without second derivatives, which Newton's method can spare
            return block_diag(f_x := balances(y[:4], *feed, law)[1], np.kron(f_x, np.eye(p)))

        with np.errstate(all="ignore"):
            done = solve_ivp(motion, run.span, start, method="LSODA", t_eval=times, rtol=RTOL,
                             atol=ATOL, jac=jacobian)
        if not done.success or done.y.shape[1] < len(times) or not np.isfinite(done.y).all():
            return times, None, None, np.nan
        return times, done.y[:4].T, done.y[4:].T.reshape(len(times), 4, p), float(done.y[2].min())


class _Growth:
    """μ, dμ/dS and dμ/dθ of a law at one S."""

    def __init__(self, law, theta):
        (self._W, self._b), (self._V, self._c) = law.net.unravel(theta)
        self._law = law

    def __call__(self, S):
        law = self._law
        s = (S - float(law.input_shift[0])) / float(law.input_scale[0])
        scale = float(law.output_scale[0])
        h = np.tanh(s * self._W[0] + self._b)
        inner = (1.0 - h ** 2) * self._V[:, 0]
        value = float(law.output_shift[0]) + scale * (h @ self._V[:, 0] + self._c[0])
        slope = scale * (inner @ self._W[0]) / float(law.input_scale[0])
        return value, slope, scale * np.concatenate([s * inner, inner, h, [1.0]])


def balances(x, F, Sf, law):
    """x' (4,), ∂x'/∂x (4, 4), ∂x'/∂μ (4,) and dμ/dθ (p,) of the fed batch."""
    X, P, S, V = x
    mu, slope, by_theta = law(S)
    rate = np.array([mu * X - F * X / V, 0.2 * mu * X - F * P / X, F * (Sf - S) / V - 2.0 * mu * X, F])
    f_mu = X * np.array([1.0, 0.2, -2.0, 0.0])
    f_x = np.array([[mu - F / V, 0.0, 0.0, F * X / V ** 2],
                    [0.2 * mu + F * P / X ** 2, -F / X, 0.0, 0.0],
                    [-2.0 * mu, 0.0, -F / V, -F * (Sf - S) / V ** 2],
                    [0.0, 0.0, 0.0, 0.0]])
    f_x[:, 2] += f_mu * slope
    return rate, f_x, f_mu, by_theta


def adam(problem, theta, steps, rate=0.03):
    """(θ of the least loss, losses) by Adam; where there is no trajectory, half a step from the best."""
    m, v, best, losses = np.zeros_like(theta), np.zeros_like(theta), (np.inf, theta), []
    for k in range(1, steps + 1):
        value, slope = problem(theta)
        losses.append(value)
        if not np.isfinite(value):
            rate, theta = 0.5 * rate, best[1]
            continue
        if value < best[0]:
            best = value, theta
        m, v = _BETAS[0] * m + (1.0 - _BETAS[0]) * slope, _BETAS[1] * v + (1.0 - _BETAS[1]) * slope ** 2
        corrected = m / (1.0 - _BETAS[0] ** k), v / (1.0 - _BETAS[1] ** k)
        theta = theta - rate * corrected[0] / (np.sqrt(corrected[1]) + _EPS)
    return best[1], losses


def lbfgs(problem, theta, steps):
    """(θ, losses) by L-BFGS-B; where there is no trajectory the loss is large and flat."""
    losses, limit = [], LOST * max(problem(theta)[0], 1.0)

    def loss(theta):
        value, slope = problem(theta)
        losses.append(value)
        return (value, slope) if np.isfinite(value) else (limit, slope)
    return minimize(loss, theta, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x, losses
