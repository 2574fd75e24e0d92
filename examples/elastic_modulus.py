"""How stiff is a gel inside, judged from the displacement of its surface alone?

    ∇·σ = 0,   σ = λ tr ε I + 2μ ε,   ε = sym ∇u,   (λ, μ) from E(x) and ν = 0.45, plane strain

A block of 40 × 20 mm stands on a rigid plate (u = 0), its sides are free. Three times a soft pad, 16 mm
wide, presses its upper side, σ n = −p cos²(π s/2) n at s = |x − c| / 8 mm ≤ 1, p = 1 kPa, with c = 8,
20, 32 mm; the rest is free. Measured is u along the upper side, both components at 41 points in each of
the three tests, to 2 µm of 0.4 mm, by image correlation say. E is 20 kPa, and 60 kPa in the middle of a
lump of radius 5 mm about (26, 13) mm. All of this is chosen, none of it measured.

The field: ln E/E₀ at the nodes, E₀ = 20 kPa, linear in each triangle, under a normal prior of standard
deviation 0.7 (a factor of 2) and range 15 mm,

    s (κ² − Δ) ln E/E₀ = white noise,   κ = √8 / range,   s = 1 / (√(4π) κ · 0.7)

as `fem.Matern` states it (Lindgren, Rue, Lindström, 2011). Minimised is χ² = Σ ((u − u_obs)/σ)² + Σ
(rows of the prior)². The data come from another, finer mesh of quadratic elements.

Numbers to expect: ln E is known to a standard deviation of 8 to 20 % in the upper half, at 37 % of the
nodes, and there E is found with an error of 6 % (root mean square; 25 % if E₀ is taken everywhere); the
lump is stiffest at 63 kPa, its known part centred within 1 mm of (26, 14) mm. χ² of the 246
displacements is about 190: some 55 combinations of E are determined by them. Below, towards the plate
and at the sides, the standard deviation grows to 25 to 35 %, half of the prior's; patches seen there
are no findings.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figure")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import tensorflow as tf

import fem
import pcl
from pcl import diagnose

WIDTH, HEIGHT = 40.0, 20.0              # mm
E0, POISSON = 20.0, 0.45                # kPa, 1
PRESSURE, PAD = 1.0, 8.0                # kPa, mm
CENTRES = (8.0, 20.0, 32.0)             # mm, of the pressed strips
SIGMA = 2e-3                            # mm
DEVIATION, RANGE = 0.7, 15.0            # of ln E/E₀; mm
KNOWN = 0.2                             # ln E is called known below this standard deviation
LUMP, RADIUS = np.array([26.0, 13.0]), 5.0


def true_modulus(x):
    """E [kPa] at points (m, 2): 20, and 60 in the middle of the lump."""
    return E0 * (1.0 + 2.0 * np.exp(-np.sum((x - LUMP) ** 2, axis=1) / RADIUS ** 2))


class Block:
    """Displacements of the upper side from E at the quadrature points, 2n × n × 2 quadratic triangles."""

    def __init__(self, n):
        mesh = fem.rectangle(2 * n, n, upper=(WIDTH, HEIGHT))
        self.space = fem.Space(mesh, fem.vector("P2"))
        self.moduli = fem.Space(mesh, "P1")
        self.log_ratio = fem.Coefficient(self.space, "P1")
        self.prior = fem.Matern(self.log_ratio, RANGE, DEVIATION)
        self.points = self.space.quadrature_points
        self.surface = np.stack([np.linspace(0.0, WIDTH, 41), np.full(41, HEIGHT)], axis=1)
        self.loads = np.stack([self.load(centre) for centre in CENTRES], axis=1)
        self.observe = self.space.observe(self.surface)

    def load(self, centre):
        """∫ −p n·v under the pad, (n,)."""
        def pressed(x, normal):
            s = np.minimum(np.abs(x[:, 0] - centre) / PAD, 1.0)
            return {"u": {"value": -PRESSURE * np.cos(np.pi * s / 2)[:, None] ** 2 * normal}}
        return self.space.vector(boundary={"top": pressed}).numpy()

    def displacements(self, E):
        """u at the measured points, one column a test: (41, 2, 3), mm."""
        shear, bulk = E / (2.0 * (1.0 + POISSON)), E * POISSON / ((1.0 + POISSON) * (1.0 - 2.0 * POISSON))

        def form(u, x):
            pressure = (bulk * u.divergence)[:, None, None] * np.eye(2)
            return {"u": {"gradient": pressure + 2.0 * shear[:, None, None] * fem.sym(u.gradient)}}
        u = fem.solve(self.space.matrix(form), self.loads, dirichlet={"bottom": 0.0})
        return self.observe @ u


def main(n=12, seed=0, maxiter=30, progress=None):
    """Fit E(x) to displacements made on a finer mesh.

    Returns
    -------
    dict with `result`, `block`; `modulus` (m,) at the nodes, `truth`, `deviation` of ln E, `determined`
    (m,) there; `known`: whether that is above 0.9; `error`, `error_of_guess`: of E where it is known,
    relative, root mean square; `misfit`: the share of χ² of the data, `count`: their number.
    """
    block, finer = Block(n), Block(n + n // 2 + 1)
    exact = finer.displacements(true_modulus(finer.points)).numpy()
    observed = exact + SIGMA * np.random.RandomState(seed).randn(*exact.shape)
    prior, size = block.prior, block.moduli.n

    def residuals(theta):
        u = block.displacements(E0 * tf.exp(block.log_ratio.at(theta["log E"])))
        return tf.concat([tf.reshape(u - observed, [-1]) / SIGMA, prior.residuals(theta["log E"])], 0)
    problem = pcl.Problem.from_residuals(residuals, {"log E": np.zeros(size)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)

    nodes = block.moduli.dof_points
    line = np.stack([np.full(61, LUMP[0]), np.linspace(0.0, HEIGHT, 61)], axis=1)
    across = block.moduli.observe(line).matrix
    both = np.concatenate([np.eye(size), across.toarray()])
    band = diagnose.identifiability(problem, result.x, (both @ result.x, both),
                                    np.concatenate([nodes, line]), sigma=1.0)
    modulus, truth, deviation = E0 * np.exp(result.x), true_modulus(nodes), band.deviation[:size]
    known = deviation < KNOWN
    return {"result": result, "problem": problem, "block": block, "modulus": modulus, "truth": truth,
            "deviation": deviation, "known": known,
            "error": rms((modulus / truth - 1.0)[known]),
            "error_of_guess": rms((E0 / truth - 1.0)[known]),
            "misfit": float(np.sum(problem.residuals(result.x)[:observed.size] ** 2)),
            "count": observed.size, "observed": observed,
            "section": (line[:, 1], true_modulus(line), E0 * np.exp(band.value[size:]),
                        band.deviation[size:])}


def rms(x):
    """√ mean x²."""
    return float(np.sqrt(np.mean(np.square(x))))


def lump(outcome):
    """Centre (2,) in mm of what is stiffer than 1.5 E₀ among what is known, weighted with its excess."""
    excess = np.maximum(outcome["modulus"] / E0 - 1.5, 0.0) * outcome["known"]
    return excess @ outcome["block"].moduli.dof_points / excess.sum()


@pcl.style()
def plot(outcome, directory):
    """E and its standard deviation, and E along a line through the lump; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, axes = plt.subplots(2, 2, figsize=(7.1, 4.3))
    scale = {"cmap": "viridis", "vmin": 10.0, "vmax": 70.0}
    draw(axes[0, 0], outcome, outcome["truth"], "true E (kPa), pads at the arrows", **scale)
    arrow = {"color": "C1", "width": 2, "headwidth": 6, "headlength": 6}
    for centre in CENTRES:
        axes[0, 0].annotate("", (centre, HEIGHT - 3.0), (centre, HEIGHT), arrowprops=arrow)
    draw(axes[0, 1], outcome, outcome["modulus"], "E (kPa) from displacements", **scale)
    draw(axes[1, 0], outcome, 100.0 * outcome["deviation"],
         f"standard deviation of ln E (%), line: {100 * KNOWN:.0f} %", cmap="cividis", vmin=0.0,
         vmax=40.0)
    for ax in (axes[0, 1], axes[1, 0]):
        mesh = outcome["block"].space.mesh
        ax.tricontour(*mesh.p, mesh.t.T, outcome["deviation"], [KNOWN], colors="w", linewidths=1.5)
    draw_section(axes[1, 1], *outcome["section"])
    path = directory / "elastic_modulus.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


def draw(ax, outcome, field, title, **scale):
    """A field at the nodes as colours."""
    mesh = outcome["block"].space.mesh
    ax.grid(False)
    image = ax.tripcolor(*mesh.p, mesh.t.T, field, shading="gouraud", rasterized=True, **scale)
    ax.figure.colorbar(image, ax=ax, shrink=0.8)
    ax.set(xlabel="x (mm)", ylabel="y (mm)", title=title, aspect="equal", xlim=(0.0, WIDTH),
           ylim=(0.0, HEIGHT))


def draw_section(ax, y, truth, modulus, deviation):
    """E(y) with its band of two standard deviations of ln E."""
    ax.fill_between(y, modulus * np.exp(-2.0 * deviation), modulus * np.exp(2.0 * deviation), alpha=0.25,
                    lw=0, label="± 2 standard deviations")
    ax.plot(y, modulus, label=f"found at x = {LUMP[0]:g} mm")
    ax.plot(y, truth, "k--", lw=1.0, label="true")
    ax.set(xlabel="y (mm), the upper side on the right", ylabel="E (kPa)", yscale="log")
    ax.set_yticks([10, 20, 40, 80], labels=["10", "20", "40", "80"])
    ax.minorticks_off()
    ax.legend(ncols=2)


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    known = outcome["known"]
    print(outcome["result"].message)
    print(f"χ² of the {outcome['count']} displacements {outcome['misfit']:.0f}; E known to {KNOWN:.0%} "
          f"at {known.mean():.0%} of the nodes with an error of {outcome['error']:.0%} "
          f"({outcome['error_of_guess']:.0%} for E₀); the lump is at "
          f"({', '.join(f'{x:.1f}' for x in lump(outcome))}) mm")
    print("figure:", plot(outcome, arguments.output).resolve())
