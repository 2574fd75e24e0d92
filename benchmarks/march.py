"""How long are marches of many small steps beside plain SciPy loops of the same steps?

    u_t = (κ(u) u_x)_x on (0, 1),   κ = θ₀ + θ₁ u²,   u = 0 at the ends,   u(0) = sin πx

402 P1 unknowns, 100 steps of backward Euler; one value. And

    u_t = (κ(x) u_x)_x + 1,   κ = Σ θ_j φ_j, the hat functions of five points

41 P1 unknowns, 76 steps that grow, of sdirk2, read at nine points after each; one value, and the
Jacobian of the readings.

The loops in SciPy are what one writes by hand for these equations alone: Jacobian and sensitivities
typed in, no checks, the same tolerance and number of factorisations. Both sides run in one process on one
thread, in turn, at a new θ every round; the seconds are those of the processor. Run from the root of
the project:

    python -m benchmarks.march
"""
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import harness

THETA = np.array([0.5, 0.8])
END, TOLERANCE = 0.2, 1e-9          # time; of a Newton correction against u, as in `pcl.solve_nonlinear`
AGREED = 1e-9                       # of the two losses
NOISE = 1e-3                        # θ moves by this from round to round


class Ours:
    """Σ of nine observations at the end, squared: `loss(theta)`."""

    def __init__(self, cells, steps):
        import skfem
        import tensorflow as tf

        import fem
        import pcl
        self.space = V = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, cells + 1)), "P1")
        self.observe, times = V.observe(np.linspace(0.1, 0.9, 9)), np.linspace(0.0, END, steps + 1)

        def conduction(theta):
            def form(u, grad_u, x):
                return None, (theta["k"][0] + theta["k"][1] * u**2)[:, None] * grad_u
            return pcl.FirstOrder(V.mass(), residual=lambda u, t: V.residual(form, u))

        def loss(theta):
            start = np.sin(np.pi * V.dof_points[:, 0])
            u = fem.march(V, conduction(theta), start, times, "backward-euler", dirichlet=0.0)
            return tf.reduce_sum(self.observe @ u[:, -1])**2
        self.loss = pcl.Problem(loss, {"k": THETA}).value


class Loop:
    """The same in SciPy; `newton_steps` of the last march."""

    def __init__(self, ours, cells, steps):
        V, free = ours.space, np.arange(1, cells)
        self.values, self.slopes = (sp.csc_array(m.matrix)[:, free]
                                    for m in (V.value_map, V.gradient_map))
        self.weights, self.h, self.steps = V.quadrature_weights, END / steps, steps
        self.mass = sp.csc_array(self.values.T @ sp.diags_array(self.weights) @ self.values)
        self.start, self.observe = np.sin(np.pi * V.dof_points[free, 0]), ours.observe.matrix[:, free]

    def loss(self, theta):
        u, self.newton_steps = self.start, 0
        for _ in range(self.steps):
            u = self._step(theta, u)
        return float((self.observe @ u).sum()**2)

    def _step(self, theta, old):
        u, B, G, w = old, self.values, self.slopes, self.weights
        while True:
            at, slope = B @ u, G @ u
            kappa = theta[0] + theta[1] * at**2
            residual = self.mass @ (u - old) / self.h + G.T @ (w * kappa * slope)
            jacobian = (self.mass / self.h + G.T @ sp.diags_array(w * kappa) @ G
                        + G.T @ sp.diags_array(w * 2.0 * theta[1] * at * slope) @ B)
            correction = splu(sp.csc_array(jacobian)).solve(residual)
            u, self.newton_steps = u - correction, self.newton_steps + 1
            if np.abs(correction).max() <= TOLERANCE * np.abs(u).max():
                return u


def measure(cells, steps, repeats):
    """The row of the table; the ratio is the median of those of the rounds."""
    ours = Ours(cells, steps)
    loop = Loop(ours, cells, steps)
    harness.require_agreement("loss", {"ours": np.array(ours.loss(THETA)),
                                       "loop": np.array(loop.loss(THETA))}, AGREED)
    rounds = [[_seconds(side.loss, THETA + NOISE * k) for side in (ours, loop)]
              for k in range(1, repeats + 1)]
    seconds = [statistics.median(side) for side in zip(*rounds)]
    return {"unknowns": cells + 1, "steps": steps, "Newton steps": loop.newton_steps,
            "ours s": seconds[0], "loop s": seconds[1],
            "ours/loop": statistics.median(a / b for a, b in rounds)}


def measure_linear(cells, steps, repeats):
    """The rows of the linear march: a value and a Jacobian."""
    from benchmarks import march_linear
    ours = march_linear.Ours(cells, steps)
    loop = march_linear.Loop(ours, cells, steps)
    rows = []
    for work in ("residuals", "jacobian"):
        sides = getattr(ours, work), getattr(loop, work)
        a, b = (side(march_linear.THETA) for side in sides)
        harness.require_agreement(work, {"ours": a, "loop": b}, AGREED)
        rounds = [[_seconds(side, march_linear.THETA * (1.0 + NOISE * k)) for side in sides]
                  for k in range(1, repeats + 1)]
        seconds = [statistics.median(side) for side in zip(*rounds)]
        rows.append({"work": work, "unknowns": cells + 1, "steps": steps, "factorisations": steps,
                     "ours ms/step": 1e3 * seconds[0] / steps, "loop ms/step": 1e3 * seconds[1] / steps,
                     "ours/loop": statistics.median(a / b for a, b in rounds)})
    return rows


def _seconds(function, theta):
    begun = time.process_time()
    function(theta)
    return time.process_time() - begun


def main(arguments=None):
    """Print the table."""
    parser = harness.parser("A small nonlinear march, ours and a plain loop in SciPy.")
    parser.add_argument("--cells", type=int, default=401, help="of the mesh")
    parser.add_argument("--steps", type=int, default=100, help="of backward Euler")
    parser.add_argument("--linear-cells", type=int, default=40, help="of the mesh of the linear march")
    parser.add_argument("--linear-steps", type=int, default=76, help="of sdirk2, each with its factor")
    options = parser.parse_args(arguments)
    from threadpoolctl import threadpool_limits
    with threadpool_limits(1):
        options.threads = 1
        rows = [measure(options.cells, options.steps, options.repeats)]
        linear = measure_linear(options.linear_cells, options.linear_steps, options.repeats)
    harness.report("A nonlinear march, one value", rows, options)
    harness.report("A linear march", linear, options)
    return rows + linear


if __name__ == "__main__":
    main()
