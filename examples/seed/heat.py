"""Which κ(x) explains snapshots of a temperature u?

    u_t = ∇·(κ(x) ∇u) + f in the unit square, 0 < t < 1,   u = 0 on the boundary
    κ_θ = MLP(2, 20, 20, 20, 1),   921 numbers θ
    minimise Σ_j Σ_i ((u^{j+1} − u^j)/Δt − ∇·(κ_θ∇u^{j+1}) − f^{j+1})_i²

Finite differences on 11 × 11 nodes, the sum over the 81 inner ones and 10 steps; nothing is solved. The
data: u = x(1−x) y²(1−y)² e^(−t), κ = 2x² − 1.05x⁴ + x⁶ + xy + y², f such that the true κ leaves no
residual. Nothing has a unit.

Numbers to expect: Σ f² = 25.56707 over the inner nodes; the true κ leaves 0; the loss starts at
16.65651 (seed 2) and 19.03067 (seed 23). The snapshots are multiples of one field, which determine κ no
better than one of them does.

Problem: "Training Deep Neural Networks with Trust-Region Methods", ADCME documentation, which does not
state grid and steps, nor the factor its loss must have: it starts at 6.6e4. Ratios are comparable.
"""

import numpy as np

import fem
import pcl
from examples.poisson_fem import table
from examples.seed.common import SHORT, WIDTHS, compare


def kappa_true(points):
    """κ = 2x² − 1.05x⁴ + x⁶ + xy + y² at points (m, 2)."""
    x, y = points.T
    return 2.0 * x ** 2 - 1.05 * x ** 4 + x ** 6 + x * y + y ** 2


class Setting:
    """Grid, snapshots and network."""

    name, title = "heat", "Heat equation, κ(x), backward-Euler residuals"

    def __init__(self, n=11, steps=10, widths=WIDTHS):
        self.grid = fem.Grid.uniform((n, n))
        self.net, self.truth = pcl.MLP((2, *widths)), kappa_true
        x, y = self.grid.points.T
        times = np.linspace(0.0, 1.0, steps + 1)
        u = np.outer(x * (1 - x) * y ** 2 * (1 - y) ** 2, np.exp(-times))
        self.states, self.rate = u[:, 1:], np.diff(u, axis=1) / np.diff(times)
        self.sites, self.shown = self.grid.face_points, self.grid.points
        self.middle = np.array([[0.5, 0.5]])
        self.f = (self.rate + self._operator(kappa_true(self.sites))).numpy()

    def _operator(self, kappa):
        return self.grid.divergence_form(kappa, self.states, positive=False)

    def kappa(self, theta, points):
        """κ_θ at points (m, 2)."""
        return self.net(theta["kappa"], points)[:, 0]

    def misfit(self, kappa):
        """The residuals (inner nodes, steps), for κ at the faces."""
        return self.grid.restriction @ (self.rate + self._operator(kappa) - self.f)

    def problem(self, seed):
        """ℓ(θ) = Σ misfit²."""
        return pcl.Problem.from_residuals(lambda theta: self.misfit(self.kappa(theta, self.sites)),
                                          {"kappa": self.net.init(seed)})


def main(n=11, steps=10, seed=233, methods=SHORT, widths=WIDTHS, progress=None):
    """The methods from one start; returns what `common.compare` does."""
    return compare(Setting(n, steps, widths), seed, methods, progress)


if __name__ == "__main__":
    outcome = main()
    print(outcome["check"], "\n\n" + table(outcome["runs"]))
