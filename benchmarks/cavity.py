"""The lid-driven cavity at Re = 100 against published extrema of the velocities on its centre lines.

    (u·∇)u − Δu/Re + ∇p = 0,    ∇·u = 0    in the unit square,    u = (1, 0) on the lid, 0 on the walls

u_x on x = 1/2 has the minimum −0.2140424, u_y on y = 1/2 the maximum 0.1795728, the minimum −0.2538030.
Source: O. Botella and R. Peyret, Benchmark spectral results on the lid-driven cavity flow, Computers &
Fluids 27 (1998), table 7. Triangles are graded towards all walls; the velocity jumps in two corners.
Run from the root of the project:

    python -m benchmarks.cavity --cells 48
"""
import argparse
import time

import numpy as np
import skfem
import tensorflow as tf

import fem

PUBLISHED = np.array([-0.2140424, 0.1795728, -0.2538030])


def navier_stokes(Re):
    """The form of (u·∇)u − Δu/Re + ∇p = 0, ∇·u = 0."""
    def form(u, p, x):
        convection = tf.linalg.matvec(u.gradient, u.value)
        stress = u.gradient / Re - p.value[:, None, None] * np.eye(2)
        return {"u": {"value": convection, "gradient": stress}, "p": {"value": u.divergence}}
    return form


def lid(x):
    """(1, 0) on the lid without its corners, 0 on the walls."""
    moves = (x[:, 1] == 1.0) & (x[:, 0] > 0.0) & (x[:, 0] < 1.0)
    return np.stack([moves.astype(float), np.zeros(len(x))], axis=1)


def main(cells=48, velocity="P2", pressure="P1", Re=100.0):
    """(extrema (3,), unknowns) with cells × cells × 2 triangles."""
    s = (1 - np.cos(np.pi * np.linspace(0, 1, cells + 1))) / 2
    V = fem.Space(skfem.MeshTri.init_tensor(s, s), {"u": fem.vector(velocity), "p": pressure}, 6)
    y = fem.solve_nonlinear(V, navier_stokes(Re), {"u": lid}, constraints=V.mean_value(0.0, "p"))
    t = np.linspace(0.01, 0.99, 1961)
    half = np.full_like(t, 0.5)
    across = (V.observe(np.stack([half, t], axis=1), field="u") @ y).numpy()[:, 0]
    along = (V.observe(np.stack([t, half], axis=1), field="u") @ y).numpy()[:, 1]
    return np.array([across.min(), along.max(), along.min()]), V.n


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=48)
    parser.add_argument("--velocity", default="P2")
    parser.add_argument("--pressure", default="P1")
    given = parser.parse_args()
    start = time.perf_counter()
    extrema, unknowns = main(given.cells, given.velocity, given.pressure)
    print(f"{unknowns} unknowns, {time.perf_counter() - start:.1f} s")
    for name, value, published in zip(("min u_x", "max u_y", "min u_y"), extrema, PUBLISHED):
        print(f"{name}  {value:.7f}  published {published:.7f}  differs by {abs(value - published):.1e}")
