"""Which κ(x) explains a measured solution of the Poisson equation?

    −∇·(κ ∇u) = 1 in the unit square,   u = 0 on the boundary
    κ_θ = MLP(2, 20, 20, 20, 1) + ½,   minimise Σ_i (u_i − u_i^obs)²  over θ (921 numbers)

P1 elements on 10 × 10 × 2 triangles; the equation is solved at every θ. Mesh and data are those of
`examples.poisson_fem`: κ = 1 + 1/(1 + x² + y²), all nodes observed. Nothing has a unit.

Numbers to expect: max u^obs = 0.04464249, Σ (u^obs)² = 0.0633840252. The published losses: trust region
4.7e-15, 1.4e-15, 2.1e-14 after 2,200 to 3,500 iterations, BFGS 3e-13 to 5e-13.

Problem: "Training Deep Neural Networks with Trust-Region Methods", ADCME documentation.
"""

import numpy as np

from examples import poisson_fem
from examples.seed.common import SHORT, WIDTHS, compare


class Setting(poisson_fem.Setting):
    """That of `examples.poisson_fem`, with the points at which κ is looked at."""

    name, title = "fem", "Poisson equation with finite elements, κ(x)"

    def __init__(self, n=10, widths=WIDTHS):
        super().__init__(n, (2, *widths))
        self.truth = poisson_fem.kappa_true
        self.sites, self.shown = self.space.quadrature_points, self.space.dof_points
        self.middle = np.array([[0.5, 0.5]])


def main(n=10, seed=2333, methods=SHORT, widths=WIDTHS, progress=None):
    """The methods from one start; returns what `common.compare` does."""
    return compare(Setting(n, widths), seed, methods, progress)


if __name__ == "__main__":
    outcome = main()
    print(outcome["check"], "\n\n" + poisson_fem.table(outcome["runs"]))
