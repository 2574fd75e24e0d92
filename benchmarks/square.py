"""What every side of the Poisson benchmarks is given: the mesh, the true κ and the first θ."""
import numpy as np
import skfem

WIDTHS = (2, 20, 20, 20, 1)
SEED = 233


def mesh(n):
    """n × n × 2 triangles of the unit square, diagonals from lower right to upper left."""
    x = np.linspace(0.0, 1.0, n + 1)
    rising = skfem.MeshTri.init_tensor(x, x)               # diagonals from lower left: mirror it
    return skfem.MeshTri(np.array([rising.p[0], 1.0 - rising.p[1]]), rising.t)


def kappa_true(x):
    """κ(x, y) = 1/(1 + x² + y²) + 1 at points (..., 2)."""
    return 1.0 / (1.0 + (x**2).sum(-1)) + 1.0


def initial(seed=SEED, widths=WIDTHS):
    """θ at the start: W ~ N(0, 1/fan_in), b = 0, drawn and laid out layer by layer."""
    rng = np.random.RandomState(seed)
    parts = []
    for n_in, n_out in zip(widths[:-1], widths[1:]):
        parts += [rng.standard_normal(n_in * n_out) / np.sqrt(n_in), np.zeros(n_out)]
    return np.concatenate(parts)
