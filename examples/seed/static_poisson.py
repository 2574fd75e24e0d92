"""Which κ(u) explains a field u and a source f that were both measured with 10 % noise?

    −∇·(κ(u) ∇u) = f in the unit square,   u = 0 on the boundary
    κ_θ = MLP(1, 20, 20, 20, 1),   minimise Σ_i (−∇·(κ_θ(u^obs)∇u^obs) − f^obs)_i²  over θ (901 numbers)

Finite differences on 11 × 11 nodes, the sum over the 81 inner ones; nothing is solved. The data:
u = sin πx sin πy, κ = (1 + u²)/(1 + 2u²), f from the same differences of the exact u, then
u^obs = u (1 + 0.1 ξ), f^obs = f (1 + 0.1 η) with ξ, η uniform in (−1, 1), drawn for all nodes by
numpy.random.RandomState(0), ξ first. Nothing has a unit.

Numbers to expect: over the inner nodes Σ (f^obs)² = 7959.0, and the true κ leaves a loss of 11427.3,
more than κ = 0 does: differentiated twice, the noise of u hides κ. So the loss tells how far a method
fits, and the error of κ is large for all. Without noise the true κ leaves 0. The loss starts at 8172.7
(seed 2) and 24390.9 (seed 23).

Problem: "Training Deep Neural Networks with Trust-Region Methods", ADCME documentation, which states
neither grid nor data nor the formula of the noise; losses are comparable between methods, not with its.
"""

import numpy as np

import fem
import pcl
from examples.poisson_fem import table
from examples.seed.common import SHORT, WIDTHS, compare


def kappa_true(u):
    """κ = (1 + u²)/(1 + 2u²) at states (m, 1)."""
    square = u[:, 0] ** 2
    return (1.0 + square) / (1.0 + 2.0 * square)


class Setting:
    """Grid, noisy data and network; `noise` is a share of each value."""

    name, title = "static", "Static Poisson equation, κ(u), residuals, 10 % noise"

    def __init__(self, n=11, widths=WIDTHS, noise=0.1):
        self.grid = fem.Grid.uniform((n, n))
        self.net, self.truth = pcl.MLP((1, *widths)), kappa_true
        u = np.prod(np.sin(np.pi * self.grid.points), axis=1)
        u[self.grid.boundary] = 0.0     # sin π is 1e-16 in double precision
        f = self._operator(kappa_true(self._state(u)), u).numpy()
        draw = np.random.RandomState(0)
        self.u = u * (1.0 + noise * draw.uniform(-1.0, 1.0, u.size))
        self.f = f * (1.0 + noise * draw.uniform(-1.0, 1.0, f.size))
        self.sites = self._state(self.u)
        self.shown, self.middle = np.linspace(0.0, 1.0, 101)[:, None], np.array([[0.5]])

    def _state(self, u):
        return (self.grid.face_mean @ u).numpy()[:, None]

    def _operator(self, kappa, u):
        return self.grid.divergence_form(kappa, u, positive=False)

    def kappa(self, theta, points):
        """κ_θ at states (m, 1)."""
        return self.net(theta["kappa"], points)[:, 0]

    def misfit(self, kappa):
        """−∇·(κ∇u^obs) − f^obs at the inner nodes, for κ at the faces."""
        return self.grid.restriction @ (self._operator(kappa, self.u) - self.f)

    def problem(self, seed):
        """ℓ(θ) = Σ misfit²."""
        return pcl.Problem.from_residuals(lambda theta: self.misfit(self.kappa(theta, self.sites)),
                                          {"kappa": self.net.init(seed)})


def main(n=11, seed=23, methods=SHORT, widths=WIDTHS, noise=0.1, progress=None):
    """The methods from one start; returns what `common.compare` does."""
    return compare(Setting(n, widths, noise), seed, methods, progress)


if __name__ == "__main__":
    outcome = main()
    print(outcome["check"], "\n\n" + table(outcome["runs"]))
