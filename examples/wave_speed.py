"""How fast do shear waves run in the layers of a soil? From three receivers in a borehole.

    ρ ∂²u/∂t² = ∂/∂z (ρ c² ∂u/∂z),   0 < z < 40 m,   u = ∂u/∂t = 0 at t = 0
    −ρ c² ∂u/∂z = p(t) at the surface z = 0,   ρ c² ∂u/∂z = −ρ c_r ∂u/∂t at z = 40 m

u [m] is the horizontal displacement, ρ = 1900 kg/m³; the rock below, c_r = 700 m/s, takes up what reaches
it. A hammer strikes the surface: p = p₀ (1 − 2a) e^(−a), a = (π f (t − t₀))², a Ricker pulse with
p₀ = 10 kPa, f = 8 Hz, t₀ = 0.12 s. Data: u at depths of 0, 12 and 26 m, 100 times a second for 0.5 s,
with noise of 10 µm (the largest displacement is 525 µm); made with more elements and shorter steps.

The law: ln c is a cubic spline through 21 values, one every 2 m, whose differences have a normal prior of
width 0.3. The truth has a soft layer about 18 m, c = 180 + 5 z/m − 110 exp(−((z − 18 m)/4 m)²) m/s.
Minimised is χ² = Σ ((u − u_obs)/10 µm)² + Σ (Δ ln c/0.3)². The march is generalised-α.

Numbers to expect: χ² of the 150 readings is 150 ± 17, less some ten numbers that they determine; c is
right within two standard errors, which are 10 to 20 m/s down to 20 m and grow to 85 m/s above the
rock, below the last receiver. The slowest ground, true 159 m/s at 17.7 m, is found there.

Parameters: orders of magnitude of a soft soil over rock, as site classes of building codes have them.
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
import scipy.interpolate
import skfem
import tensorflow as tf

import fem
import pcl
from pcl import diagnose

DEPTH, DENSITY, ROCK = 40.0, 1900.0, 700.0              # m, kg/m³, m/s
PRESSURE, FREQUENCY, DELAY = 10e3, 8.0, 0.12           # Pa, Hz, s
RECEIVERS = np.array([0.0, 12.0, 26.0])                 # m
READ_AT = np.linspace(0.01, 0.5, 50)                    # s
SIGMA, WANDER = 1e-5, 0.3                               # m, –
KNOTS = np.linspace(0.0, DEPTH, 21)                     # m


def true_speed(z):
    """c [m/s] at depths z (m,)."""
    return 180.0 + 5.0 * z - 110.0 * np.exp(-((z - 18.0) / 4.0) ** 2)


def pulse(t):
    """p(t)/p₀."""
    a = tf.square(np.pi * FREQUENCY * (t - DELAY))
    return (1.0 - 2.0 * a) * tf.exp(-a)


class Soil:
    """n quadratic elements, equal steps to the last reading."""

    def __init__(self, n, step):
        mesh = skfem.MeshLine(np.linspace(0.0, DEPTH, n + 1)).with_boundaries(
            {"surface": lambda z: z[0] == 0.0, "rock": lambda z: z[0] == DEPTH})
        self.space = fem.Space(mesh, "P2")
        self.points = self.space.quadrature_points[:, 0]
        self.times = pcl.uniform_times(0.0, READ_AT[-1], round(READ_AT[-1] / step))
        self.mass, self.push = self.space.mass(), self.space.flux(1.0, "surface").numpy()
        self.rock = self.space.boundary_mass(ROCK, "rock")
        self.at_receivers = self.space.observe(RECEIVERS[:, None])

    def displacement(self, speed):
        """u (n, times) [m] for c (q,) at the quadrature points; the equation is divided by ρ."""
        system = pcl.SecondOrder(self.mass, self.space.laplace(speed ** 2), damping=self.rock,
                                 load=lambda t: PRESSURE / DENSITY * pulse(t) * self.push)
        return fem.march(self.space, system, 0.0, self.times, "generalised-alpha", at=READ_AT)

    def traces(self, speed):
        """u (receivers, times), m."""
        return self.at_receivers @ self.displacement(speed)


def main(n=20, step=0.002, seed=0, maxiter=25, progress=None):
    """Fit c(z) to traces made with twice the elements and a third of the steps.

    Returns
    -------
    dict with `soil`, `result`, `problem`; `observed` and `fitted` traces (receivers, times), m; `z` (m,),
    and there `speed`, its standard error `deviation`, `truth`; `misfit`, the share of χ² of the data.
    """
    soil, finer = Soil(n, step), Soil(2 * n + 7, step / 3)
    noise = np.random.RandomState(seed).randn(len(RECEIVERS), len(READ_AT))
    observed = finer.traces(true_speed(finer.points)).numpy() + SIGMA * noise

    def speed(theta, z):
        spline = scipy.interpolate.CubicSpline(KNOTS, np.eye(len(KNOTS)))(z)        # (z, knots)
        return tf.exp(tf.linalg.matvec(spline, theta["ln c"]))

    def residuals(theta):
        misfit = pcl.misfit(soil.traces(speed(theta, soil.points)), observed) / SIGMA
        smooth = (theta["ln c"][1:] - theta["ln c"][:-1]) / WANDER
        return tf.concat([tf.reshape(misfit, [-1]), smooth], 0)
    problem = pcl.Problem.from_residuals(residuals, {"ln c": np.full(len(KNOTS), np.log(250.0))})
    result = pcl.minimize(problem, "levenberg-marquardt", maxiter=maxiter, progress=progress)
    z = np.linspace(0.0, DEPTH, 121)
    known = diagnose.identifiability(problem, result.x, speed, z, sigma=1.0)
    misfits = problem.residuals(result.x)[:observed.size]
    return {"soil": soil, "result": result, "problem": problem, "observed": observed,
            "fitted": observed + SIGMA * misfits.reshape(observed.shape), "z": z, "speed": known.value,
            "deviation": known.deviation, "truth": true_speed(z), "misfit": float(misfits @ misfits)}


@pcl.style()
def plot(outcome, directory):
    """c over the depth with its band, and the traces; returns the path."""
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.1, 3.4),
                                         width_ratios=[1, 1.5])
    _plot_speed(outcome, left)
    _plot_traces(outcome, right)
    path = directory / "wave_speed.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def _plot_speed(outcome, ax):
    z, c, band = outcome["z"], outcome["speed"], 2.0 * outcome["deviation"]
    ax.fill_betweenx(z, c - band, c + band, color="C0", alpha=0.25, lw=0, label="± 2 standard errors")
    ax.plot(c, z, color="C0", label="found")
    ax.plot(outcome["truth"], z, "k--", lw=1.0, label="true")
    ax.plot(np.full_like(RECEIVERS, 55.0), RECEIVERS, "k<", clip_on=False, label="receivers")
    ax.set(xlabel="speed of shear waves c (m/s)", ylabel="depth z (m)", xlim=(50, 500),
           ylim=(DEPTH, 0))
    ax.legend(ncols=2)


def _plot_traces(outcome, ax):
    scale = 2e4             # m of depth in the picture for a metre of displacement
    for k, depth in enumerate(RECEIVERS):
        ax.plot(READ_AT, depth - scale * outcome["observed"][k], "k.", ms=3,
                label=None if k else "measured")
        ax.plot(READ_AT, depth - scale * outcome["fitted"][k], color="C0", lw=1.0,
                label=None if k else "fitted")
    ax.plot([0.03, 0.03], [36.0, 34.0], "k", lw=1.5)
    ax.annotate("100 µm", (0.04, 35.0), va="center", fontsize=7.5)
    ax.set(xlabel="time (s)", ylabel="depth of the receiver (m)", ylim=(DEPTH, -14))
    ax.legend(ncols=2)


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    error = outcome["speed"] - outcome["truth"]
    print(outcome["result"].message)
    print(f"χ² of the {outcome['observed'].size} readings {outcome['misfit']:.1f}; largest error of c "
          f"{np.abs(error).max():.0f} m/s; slowest {outcome['speed'].min():.0f} m/s at "
          f"{outcome['z'][np.argmin(outcome['speed'])]:.1f} m; within two standard errors at "
          f"{np.mean(np.abs(error) <= 2 * outcome['deviation']):.0%} of the depths")
    print("figure:", plot(outcome, arguments.output).resolve())
