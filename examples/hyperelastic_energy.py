"""Which stored energy has a rubber sheet, told by the force that stretches it and a few marks on it?

    minimise ∫ W(F) dx over u,   F = I + ∇u,   s = |F|² − 2,   J = det F
    W = w(s) − w(0) − 2 w'(0) ln J + κ/2 (J − 1)²

A sheet of 20 × 20 mm with a round hole of radius 4 mm, in plane strain, is stretched to both sides by
d = 2, 4, 6 mm each, between grips in which it may slide; computed is a quarter: u₁ = 0 on the left and d
on the right, u₂ = 0 below. κ = 1 MPa is known; w is to be found, in truth 0.2 s + 0.03 s² MPa, a rubber
that stiffens. All of this is chosen, none of it measured. Measured are at each d the force on half a
side, to 0.01 N/mm, and both displacements of six marks, to 0.02 mm. The data come from another, finer
mesh.

The law: w = 0.2 MPa · ICNN(1, 4, 1)(s), convex and increasing whatever its 14 weights are, under a
normal prior of width 3. So W(I) = 0 and ∂W/∂F (I) = 0 by construction, W is convex in (F, J), hence
polyconvex, and tends to infinity as J → 0 or |F| → ∞. Forces are derivatives of W, through the network.
Minimised is χ² = Σ ((y − y_obs)/σ)² + Σ (weights/width)².

Numbers to expect: w' is found within 1 % for s ≤ 1.5, which is where nearly all of the sheet is, with a
standard deviation of 0.3 to 0.7 %; beyond, where only the rim of the hole gets, it grows to 9 % at
s = 3. χ² of the 39 readings is 30 to 55. Half a minute.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of noise and initial weights")
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

SIDE, HOLE = 10.0, 4.0                              # mm, of the quarter
KAPPA, UNIT = 1.0, 0.2                              # MPa
PULLS = (2.0, 4.0, 6.0)                        # mm
SIGMA_FORCE, SIGMA_MARK = 0.01, 0.02                # N/mm, mm
MARKS = np.array([[2.0, 5.0], [2.0, 9.0], [5.0, 5.0], [6.0, 9.0], [6.0, 2.0], [9.0, 5.0]])
LARGEST = 3.0                                       # s in pictures
TRUE = np.array([0.20, 0.03])                       # MPa
WIDTH = 3.0                                         # of the prior of the weights


def polynomial(c, s):
    """w = c₀ s + c₁ s² [MPa] of s = |F|² − 2: with c = TRUE the truth."""
    return c[0] * s + c[1] * s * s


def quarter(n):
    """A quarter of the sheet: 2n × n curved quadrilaterals between the hole and the sides, cut in two."""
    angle = np.linspace(0.0, np.pi / 2, 2 * n + 1)
    hole = HOLE * np.stack([np.cos(angle), np.sin(angle)])
    side = SIDE * hole / hole.max(axis=0)
    points = np.concatenate([hole + t * (side - hole) for t in np.linspace(0.0, 1.0, n + 1)], axis=1)
    a = (np.arange(2 * n) + (2 * n + 1) * np.arange(n)[:, None]).ravel()
    b, c, d = a + 1, a + 2 * n + 1, a + 2 * n + 2
    mesh = fem.mesh_from_arrays("tri", points, np.concatenate([[a, b, c], [b, d, c]], axis=1))
    mesh = mesh.with_boundaries({"left": lambda x: x[0] < 1e-9, "bottom": lambda x: x[1] < 1e-9,
                                 "right": lambda x: x[0] > SIDE - 1e-9,
                                 "hole": lambda x: np.hypot(*x) < HOLE + 1e-9})
    return fem.curved(mesh, lambda x: HOLE * x / np.linalg.norm(x, axis=1)[:, None], "hole")


def invariants(gradient):
    """s = |F|² − 2 and J = det F of ∇u (q, 2, 2)."""
    F = gradient + np.eye(2)
    return tf.reduce_sum(F * F, [1, 2]) - 2.0, F[:, 0, 0] * F[:, 1, 1] - F[:, 0, 1] * F[:, 1, 0]


def density(energy):
    """W of ∇u, made of w."""
    at_zero, slope = (x[0] for x in pcl.pointwise_gradient(energy, np.zeros(1)))

    def W(u, x):
        s, J = invariants(u.gradient)
        return energy(s) - at_zero - 2.0 * slope * tf.math.log(J) + KAPPA / 2 * (J - 1.0) ** 2
    return W


class Sheet:
    """Forces and marks of the sheet for an energy w(s)."""

    def __init__(self, n):
        self.space = fem.Space(quarter(n), fem.vector("P2"))
        self.observe = self.space.observe(MARKS)

    def pulled(self, form, pulls):
        """[u (n,)] at each of the pulls; Newton's method starts from the last one, stretched on."""
        found, at = [self.space.dof_points[:, 0] / SIDE * (np.arange(self.space.n) % 2 == 0)], 1.0
        for d in pulls:
            grips = [fem.Dirichlet("left", 0.0, component=0), fem.Dirichlet("bottom", 0.0, component=1),
                     fem.Dirichlet("right", d, component=0)]
            start, at = found[-1] * (d / at), d
            found.append(fem.solve_nonlinear(self.space, form, grips, start=start, warm_start=True))
        return found[1:]

    def readings(self, energy, pulls):
        """(force and marks over their σ, pull after pull (13 · pulls,); u at the last pull)."""
        form, read = fem.Energy(density(energy)), []
        for u in self.pulled(form, pulls):
            force = self.space.reaction(form, u, "right")[:1]
            read += [force / SIGMA_FORCE, tf.reshape(self.observe @ u, [-1]) / SIGMA_MARK]
        return tf.concat(read, 0), u


def energy(net, weights, s):
    """w [MPa] at s (m,) by the network."""
    return UNIT * net(weights, s[:, None])[:, 0]


def main(n=3, pulls=PULLS, seed=0, maxiter=40, progress=None):
    """Fit w to readings made with the true one on a finer mesh.

    Returns
    -------
    dict with `result`, `problem`; `s` (m,), `slope`, `truth` (m,) of w' there and `deviation`;
    `pulls`, `observed`, `fitted` (pulls, 13): force in N/mm, then marks in mm, `misfit`, their share of
    χ²; `u` at the last pull of the `finer` sheet.
    """
    sheet, finer, net = Sheet(n), Sheet(n + 2), pcl.ICNN([1, 4, 1], monotone=True)
    exact, u = measured(finer, pulls)
    observed = exact + np.random.RandomState(seed).randn(len(exact))

    def residuals(theta):
        read, _ = sheet.readings(lambda s: energy(net, theta["w"], s), pulls)
        return tf.concat([read - observed, theta["w"] / WIDTH], 0)
    problem = pcl.Problem.from_residuals(residuals, {"w": net.init(seed)})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, gtol_absolute=3.0,
                          progress=progress)
    return {"result": result, "problem": problem, "finer": finer, "pulls": pulls, "u": u,
            **law(problem, result.x, net), **readings_of(problem, result.x, observed)}


def measured(sheet, pulls):
    """Readings without noise, and u at the last pull."""
    def both(theta):
        return tf.concat(sheet.readings(lambda s: polynomial(theta["c"], s), pulls), 0)
    problem = pcl.Problem.from_residuals(both, {"c": TRUE})
    found = problem.residuals(TRUE)
    return found[:-sheet.space.n], found[-sheet.space.n:]


def law(problem, theta, net):
    """w' with its deviation, and the truth."""
    s = np.linspace(0.0, LARGEST, 61)

    def slope(theta, s):
        return pcl.pointwise_gradient(lambda s: energy(net, theta["w"], s), s)[1]
    band = diagnose.identifiability(problem, theta, slope, s, sigma=1.0)
    return {"s": s, "slope": band.value, "deviation": band.deviation,
            "truth": TRUE[0] + 2.0 * TRUE[1] * s}


def readings_of(problem, theta, observed):
    """Readings in their units, measured and fitted."""
    misfits = problem.residuals(theta)[:len(observed)]
    unit = np.array([SIGMA_FORCE] + [SIGMA_MARK] * 12)
    return {"observed": observed.reshape(-1, 13) * unit, "misfit": float(np.sum(misfits ** 2)),
            "fitted": (observed + misfits).reshape(-1, 13) * unit}


@pcl.style()
def plot(outcome, directory):
    """w' with its band, force against pull, and the stretched sheet; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.1, 2.5),
                                                 width_ratios=[1.0, 0.8, 1.2])
    draw_slope(left, outcome)
    draw_force(middle, outcome)
    draw_sheet(right, outcome)
    path = directory / "hyperelastic_energy.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def draw_slope(ax, outcome):
    """w'(s) with its band of two standard deviations."""
    s, slope, deviation = outcome["s"], outcome["slope"], outcome["deviation"]
    ax.fill_between(s, slope - 2.0 * deviation, slope + 2.0 * deviation, alpha=0.25, lw=0,
                    label="± 2 std. deviations")
    ax.plot(s, slope, label="input-convex network")
    ax.plot(s, outcome["truth"], "k--", lw=1.0, label="true")
    ax.set(xlabel="s = |F|² − 2", ylabel="w'(s) (MPa)", ylim=(0.0, 0.5))
    ax.legend()


def draw_force(ax, outcome):
    """Measured and fitted force on a side."""
    pulls, observed, fitted = (outcome[k] for k in ("pulls", "observed", "fitted"))
    ax.plot([0.0, *pulls], [0.0, *fitted[:, 0]], "C0-", label="fitted")
    ax.plot(pulls, observed[:, 0], "ko", ms=3.5, label="measured")
    ax.set(xlabel="pull d (mm)", ylabel="force on half a side (N/mm)", xlim=(0.0, None),
           ylim=(0.0, None))
    ax.legend()


def draw_sheet(ax, outcome):
    """s in the quarter at the last pull, and the marks there."""
    space, u = outcome["finer"].space, outcome["u"]
    s = invariants(space.gradient(u))[0].numpy()
    fem.plot(space, s, ax, displacement=u, label="s = |F|² − 2", length="mm")
    moved = MARKS + outcome["observed"][-1, 1:].reshape(-1, 2)
    ax.plot(*moved.T, "o", mfc="w", mec="k", ms=3.5, label="marks, measured, at the last pull")
    ax.legend()


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    error = outcome["slope"] / outcome["truth"] - 1.0
    print(outcome["result"].message)
    within = np.abs(outcome["slope"] - outcome["truth"]) <= 2.0 * outcome["deviation"]
    print(f"χ² of the {outcome['observed'].size} readings {outcome['misfit']:.0f}; largest error of w' "
          f"for s ≤ 1.5 {np.abs(error[outcome['s'] <= 1.5]).max():.1%}, for s ≤ {LARGEST:g} "
          f"{np.abs(error).max():.1%}; within two standard deviations at {within.mean():.0%} of all s")
    print("figure:", plot(outcome, arguments.output).resolve())
