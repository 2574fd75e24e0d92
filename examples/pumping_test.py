"""Does one conductivity explain a pumping test, or does it change with the distance from the well?

    S_s H ∂s/∂t = (1/r) ∂/∂r (r K H ∂s/∂r),   0.2 m < r < 20 km,   s = 0 at t = 0
    −2π r K H ∂s/∂r = Q at the well,   s = 0 far away

s [m] is the drawdown, K [m/d] the hydraulic conductivity, S_s [1/m] the specific storage; thickness
H = 7 m, discharge Q = 788 m³/d. Data: 69 drawdowns 30 m and 90 m from the well, 0.1 to 845 minutes
after the pump was started (Oude Korendijk, 1965). First K and S_s are two numbers, then

    K(r) = K₀ exp(net(ξ)),   ξ = log₁₀(r / 50 m),   S_s one number.

Numbers to expect, published / here: K 66.1 / 66.08 m/d, S_s 2.54e-5 / 2.545e-5 1/m, misfit (root
mean square) 0.0501 / 0.0501 m. Theis' solution, exact for a well without radius, gives 66.09,
2.541e-5 and 0.0501 on the same data: the grid costs 0.01 % in K and 0.2 % in S_s. With 60 cells
and ratio 1.25 it is 66.09 and 2.542e-5. `pcl.resolution` says so without Theis: twice the cells and
steps that grow half as fast move ln K and ln S_s by 0.006 and −0.015 standard errors. K(r) brings
the misfit down to 0.0115 m.

What it means. The misfit of two numbers is five times the reading error and systematic: each
piezometer alone asks for another S_s, and the late drawdown is flatter than one K allows. A K that
rises from about 50 m/d around the piezometers to about 90 m/d beyond 300 m removes most of it,
with S_s = 3.0e-5; left is 0.03 m at the start of both curves. The data determine K to 10 to 15 %
between 40 m and 1 km, and nowhere else: nearer to the well K acts on little but the level in the
well, and further out the test ended too early. Bends inside the band, such as the one between the
piezometers, are not findings. Nor is the cause: leakage through the covering layers flattens the
late drawdown as a conductive surrounding does, and the model knows only the latter.

Uncertainty. The data and the smoothness of K do not determine the weights of the network, and the
training ends on its iteration limit, not at a minimum: with seed 0, 37 of the 98 eigenvalues of the
Hessian are negative, at most 1e-6 of the largest. A unit step along such a direction still changes
ln K, by 0.15 in the median and by several units at worst. A pseudo-inverse drops all of that, so
its band is too narrow. The band to trust is that of free values of ln K at the quadrature points
with the same loss: their Hessian is positive definite at the minimum. The free values also check
the network: seed 0 agrees with them to 2 %, seeds 1 and 2 to about 6 % at 90 m, half a standard
error. Standard errors of the two-number fits take the misfit for independent noise, which it is
not: too small. So may the band be, and its width where nothing was measured is the prior's.

Data: G. P. Kruseman and N. A. de Ridder, Analysis and Evaluation of Pumping Test Data.
Published fit: documentation of TTim, Oude Korendijk.
"""

import argparse
import pathlib

if __name__ == "__main__":      # ahead of TensorFlow, so that --help and typing errors cost no time
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("figures"),
                        help="directory of the figures")
    arguments = parser.parse_args()
    from pcl.support.quiet import load_quietly
    load_quietly()

import numpy as np
import scipy.stats
import skfem
import tensorflow as tf

import fem
import pcl

DATA = pathlib.Path(__file__).parent / "data" / "oude_korendijk.csv"
THICKNESS, DISCHARGE = 7.0, 788.0                    # m, m³/d
WELL, FAR = 0.2, 2e4                                 # m
PUBLISHED = {"both": (66.1, 2.54e-5, 0.0501), "30 m": (68.6, 1.61e-5, 0.0317),
             "90 m": (71.6, 2.91e-5, 0.0227)}        # K, S_s, misfit
START = {"log K": np.log(10.0), "log S_s": np.log(1e-3)}

# The prior in the loss of K(r). Readings are good to a centimetre at early times; ln K wanders by
# 0.3 √|Δ ln r|, a factor of 1.6 over a decade of distance. Of 0.03, 0.1, 0.3 and 1 the evidence
# (Laplace's approximation with the exact Hessian) prefers 0.3 and 1, equal within a factor of 2, to
# 0.1 by a factor of 14 and to 0.03 by 10¹⁰; the smoother of the two is taken.
READING_ERROR, WANDER = 0.01, 0.3
SMOOTHNESS = (READING_ERROR / WANDER) ** 2


def read(path=DATA):
    """Readings: a structured array with distance_m, time_min, drawdown_m."""
    return np.genfromtxt(path, delimiter=",", names=True)


def step_ends(times, ratio, first=0.01 / 1440):
    """Times (d) from `first` on that contain `times` and grow by `ratio` at most."""
    ends = [first]
    for t in np.unique(times):
        steps = int(np.ceil(np.log(t / ends[-1]) / np.log(ratio) - 1e-9))
        ends.extend(np.geomspace(ends[-1], t, steps + 1)[1:])
    return np.array(ends)


class PumpingTest:
    """Axisymmetric P2 elements, cells that grow in geometric progression, implicit steps.

    Attributes
    ----------
    times : (steps,), days;  distances : (piezometers,), m;  observed : (m,), m
    points : quadrature points (q,), m, where K is asked for
    """

    def __init__(self, readings, cells=40, ratio=1.5):
        mesh = skfem.MeshLine(np.geomspace(WELL, FAR, cells + 1)).with_boundaries(
            {"well": lambda x: x[0] < 2 * WELL, "far": lambda x: x[0] > FAR / 2})
        self.space = fem.Space(mesh, "P2", weight=lambda x: x[:, 0])
        self.points = self.space.quadrature_points[:, 0]
        self.well_flux = self.space.flux(DISCHARGE / (2 * np.pi * WELL), where="well").numpy()
        self.mass = self.space.mass()

        reading_times = readings["time_min"] / 1440
        self.times = step_ends(reading_times, ratio)
        self.distances, column = np.unique(readings["distance_m"], return_inverse=True)
        self.observed = readings["drawdown_m"]
        self.at_piezometers = self.space.observe(self.distances)
        step = np.abs(np.subtract.outer(reading_times, self.times)).argmin(axis=1)
        everything = np.eye(self.times.size * self.distances.size)
        self.readings = pcl.LinearMap(everything[step * self.distances.size + column])

    def history(self, K, storage):
        """S_s H s at all steps and piezometers, flat: tensor (steps · piezometers,).

            M ∂v/∂t + L(K/S_s) v = f,   v = S_s H s

        so that K/S_s alone stands in the matrices of the steps.
        """
        system = pcl.FirstOrder(self.mass, self.space.laplace(K / storage), load=self.well_flux)
        v = fem.march(self.space, system, 0.0, np.concatenate([[0.0], self.times]), at=self.times,
                      dirichlet={"far": 0.0})
        return tf.reshape(tf.transpose(self.at_piezometers @ v), [-1])

    def drawdown(self, K, storage):
        """s (steps, piezometers), m."""
        s = self.history(K, storage) / (storage * THICKNESS)
        return tf.reshape(s, (-1, self.distances.size))

    def computed(self, K, storage):
        """Drawdown at the readings, (m,), m."""
        return self.readings @ self.history(K, storage) / (storage * THICKNESS)

    def misfit(self, K, storage):
        """Computed − measured at the readings, (m,), m."""
        return pcl.misfit(self.computed(K, storage), self.observed)


class TwoNumbers:
    """θ = (ln K, ln S_s), ℓ = Σ misfit²."""

    def __init__(self, test):
        self.test = test

    def parameters(self, theta):
        """K at the quadrature points and S_s."""
        return tf.fill([self.test.points.size], tf.exp(theta["log K"])), tf.exp(theta["log S_s"])

    def residuals(self, theta):
        return self.test.misfit(*self.parameters(theta))

    def fit(self, progress=None):
        """Least squares; the result carries `model`, `K`, `storage`, `rmse`, `errors`, `interval`.

        Standard errors of ln K, ln S_s from the exact Hessian of ℓ: covariance 2 s² H⁻¹ with
        s² = ℓ/(m − 2). `interval`, (2, 2), is the 95 % interval of K and S_s by Student's t.
        """
        problem = pcl.Problem.from_residuals(self.residuals, START)
        result = pcl.minimize(problem, method="least-squares", progress=progress)
        freedom = self.test.observed.size - 2
        covariance = 2 * result.fun / freedom * np.linalg.inv(problem.hessian(result.x))
        result.model, (result.K, result.storage) = self, np.exp(result.x)
        result.rmse = np.sqrt(result.fun / self.test.observed.size)
        result.errors = np.sqrt(np.diag(covariance))
        t = scipy.stats.t.ppf(0.975, freedom)
        result.interval = np.exp(result.x[:, None] + t * result.errors[:, None] * [-1.0, 1.0])
        return result


def resolved(readings, fit, cells, ratio):
    """`pcl.Resolution` of a fit of two numbers: twice the cells, and steps that grow half as fast."""
    def problem(level):
        return pcl.Problem.from_residuals(TwoNumbers(PumpingTest(readings, *level)).residuals, START)
    return pcl.resolution(problem, fit.x, [(cells, ratio), (2 * cells, ratio ** 0.5)])


class RadialConductivity:
    """K(r) = K₀ e^u(r), with K₀ of the two-number fit; θ = (what u is made of, ln S_s).

        ℓ = Σ misfit² + α ∫ (du/d ln r)² d ln r,   α = SMOOTHNESS

    ℓ/READING_ERROR² is twice the negative logarithm of a posterior density. The integral is that
    of the interpolant of u through the quadrature points, linear in ln r.

    Parameters
    ----------
    u : function of θ["u"] -> tensor (q,), ln(K/K₀) at the quadrature points
    start : θ["u"] at the start
    storage : S_s at the start
    """

    def __init__(self, test, K0, u, start, storage):
        self.test, self.K0, self.u = test, K0, u
        self.problem = pcl.Problem.from_residuals(
            self.residuals, {"u": start, "log S_s": np.log(storage)})

    def parameters(self, theta):
        """K at the quadrature points and S_s."""
        return self.K0 * tf.exp(self.u(theta["u"])), tf.exp(theta["log S_s"])

    def residuals(self, theta):
        """Misfits, then √α Δu/√(Δ ln r) between neighbouring points."""
        u = self.u(theta["u"])
        weight = np.sqrt(SMOOTHNESS / np.diff(np.log(self.test.points)))
        misfit = self.test.misfit(*self.parameters(theta))
        return tf.concat([misfit, weight * (u[1:] - u[:-1])], axis=0)

    def fit(self, method, maxiter=None, x0=None, progress=None):
        """Train; the result carries `model`, `storage`, `misfits` (m,) and their `rmse`."""
        result = pcl.minimize(self.problem, method, x0=x0, maxiter=maxiter, progress=progress)
        result.model, result.storage = self, np.exp(result.x[-1])
        result.misfits = self.problem.residuals(result.x)[:self.test.observed.size]
        result.rmse = np.sqrt(np.mean(result.misfits ** 2))
        return result

    def covariance(self, result):
        """Covariance 2 s² H⁺ of θ, eigenvalues of H, and how many numbers the data determine.

            s² = Σ misfit²/(m − p),   p = 2 tr(J H⁺ Jᵀ),   J = ∂misfit/∂θ

        H⁺ drops eigenvalues up to the size of the most negative one, or 1e-10 of the largest.
        """
        eigenvalues, U = np.linalg.eigh(self.problem.hessian(result.x))
        U = U / np.sqrt(np.where(eigenvalues > _cut(eigenvalues), eigenvalues, np.inf))
        m = result.misfits.size
        determined = 2 * np.sum((self.problem.jacobian(result.x)[:m] @ U) ** 2)
        scale = 2 * (result.misfits @ result.misfits) / (m - determined)
        return scale * U @ U.T, eigenvalues, determined


def _cut(eigenvalues):
    return max(-eigenvalues[0], 1e-10 * eigenvalues[-1])


def radial_fits(test, uniform, widths, seed, maxiter, progress):
    """K(r) by a network, and by free values as a check: {"network", "free"} with `K` and `error`.

    The network is trained by least squares (`result.first`), then by trust-exact. Its last layer
    starts at zero, so that K(r) = K₀. The free values, one u a quadrature point, start from it.
    `K` (q,) stands for K at `test.points`, `error` (q,) for the standard error of ln K (delta
    method), `spectrum` for the eigenvalues of the Hessian.
    """
    net, xi = pcl.MLP(widths), np.log10(test.points / 50.0)[:, None]
    weights = net.init(seed)
    weights[-(widths[-2] + 1):] = 0.0
    model = RadialConductivity(test, uniform.K, lambda weights: net(weights, xi)[:, 0], weights,
                               uniform.storage)
    first = model.fit("least-squares", maxiter[0], progress=progress)
    network = model.fit("trust-exact", maxiter[1], first.x, progress)
    network.first = first
    blocks = net.at(network.theta["u"], xi).jacobian_blocks()
    _add_band(network, np.concatenate([block for _, _, block in blocks]))
    u = np.log(network.K / uniform.K)
    model = RadialConductivity(test, uniform.K, tf.identity, u, network.storage)
    free = model.fit("trust-exact", progress=progress)
    _add_band(free, np.eye(test.points.size))
    return {"network": network, "free": free}


def _add_band(result, sensitivity):
    """K and the standard error of ln K from du/dθ["u"] (q, size)."""
    covariance, result.spectrum, result.determined = result.model.covariance(result)
    variance = np.sum((sensitivity @ covariance[:-1, :-1]) * sensitivity, axis=1)
    result.K, result.error = result.model.parameters(result.theta)[0].numpy(), np.sqrt(variance)


def main(cells=40, ratio=1.5, widths=(1, 8, 8, 1), seed=0, maxiter=(25, 20), alone=True,
         progress=None, refined=True):
    """Fit two numbers, to both piezometers and to each alone, then K(r).

    Parameters
    ----------
    maxiter : iterations of least squares and of trust-exact for K(r); None leaves K(r) out
    alone : bool, fit each piezometer alone too
    refined : bool, estimate what a finer mesh and shorter steps would do to the two numbers

    Returns
    -------
    dict with `uniform`, {"both", "30 m", "90 m": result of `TwoNumbers.fit`}, `radial`, what
    `radial_fits` returns or None, and `resolution`, what `resolved` returns for both, or None.
    """
    readings = read()
    subsets = {"both": readings}
    if alone:
        subsets |= {f"{r:.0f} m": readings[readings["distance_m"] == r] for r in (30.0, 90.0)}
    uniform = {name: TwoNumbers(PumpingTest(subset, cells, ratio)).fit(progress)
               for name, subset in subsets.items()}
    radial = None
    if maxiter is not None:
        both = uniform["both"]
        radial = radial_fits(both.model.test, both, widths, seed, maxiter, progress)
    resolution = resolved(readings, uniform["both"], cells, ratio) if refined else None
    return {"uniform": uniform, "radial": radial, "resolution": resolution}


def table(uniform):
    """Fitted and published values, standard errors, 95 % intervals."""
    rows = [f"{'readings':<10}{'K [m/d]':>9}{'±':>7}{'95 % interval':>17}{'published':>11}"
            f"{'S_s [1/m]':>12}{'±':>7}{'95 % interval':>21}{'published':>11}"
            f"{'misfit [m]':>12}{'published':>11}"]
    for name, fit in uniform.items():
        (K_low, K_high), (S_low, S_high) = fit.interval
        K, storage, rmse = PUBLISHED[name]
        K_range, S_range = f"{K_low:.1f} … {K_high:.1f}", f"{S_low:.2e} … {S_high:.2e}"
        rows.append(f"{name:<10}{fit.K:>9.2f}{fit.errors[0]:>7.1%}{K_range:>17}{K:>11}"
                    f"{fit.storage:>12.3e}{fit.errors[1]:>7.1%}{S_range:>21}{storage:>11.2e}"
                    f"{fit.rmse:>12.4f}{rmse:>11}")
    return "\n".join(rows)


def summary(radial):
    """What the training of K(r) did, and K(r) in numbers."""
    network, free = radial["network"], radial["free"]
    rows = [f"weight of the smoothness α = ({READING_ERROR} m / {WANDER})² = {SMOOTHNESS:.2e} m²"]
    for name, run in (("network", network.first), ("network", network), ("free values", free)):
        history = run.history
        rows.append(f"{name}, {run.method}: loss {history.loss[0]:.6f} -> {run.fun:.6f} m² in "
                    f"{run.nit} iterations, {history.seconds[-1]:.1f} s, "
                    f"{history.factorisations[-1]} factorisations. {run.message.split('.')[0]}.")
    for name, run in (("network", network), ("free values", free)):
        e = run.spectrum
        rows.append(
            f"{name}: misfit {run.rmse:.4f} m, S_s {run.storage:.3e} 1/m; Hessian "
            f"{e.size}×{e.size}, eigenvalues {e[0]:.1e} … {e[-1]:.1e}, {np.count_nonzero(e < 0)} "
            f"negative, {np.count_nonzero(e > _cut(e))} kept; the data determine "
            f"{run.determined:.1f} numbers")
    rows.append(f"{'r [m]':>9}{'network [m/d]':>16}{'free [m/d]':>13}{'±':>7}")
    r = network.model.test.points
    shown = [0.3, 3, 10, 30, 60, 90, 200, 500, 1000, 3000, 10000]
    for k in np.abs(np.log(r[:, None] / shown)).argmin(axis=0):
        rows.append(f"{r[k]:>9.3g}{network.K[k]:>16.1f}{free.K[k]:>13.1f}{free.error[k]:>7.0%}")
    return "\n".join(rows)


@pcl.style()
def plot(outcome, directory):
    """Drawdown with residuals, and K(r) with its band; returns the paths written."""
    from matplotlib import pyplot as plt

    uniform, radial = outcome["uniform"]["both"], outcome["radial"]
    fits = {"one K": uniform, "K(r)": radial["network"]}
    paths = [directory / f"pumping_{name}.png" for name in ("drawdown", "conductivity")]
    plt.switch_backend("agg")
    _plot_drawdown(fits).savefig(paths[0])
    _plot_conductivity(uniform, radial).savefig(paths[1])
    plt.close("all")
    return paths


def _plot_drawdown(fits):
    from matplotlib import pyplot as plt

    figure, (top, *below) = plt.subplots(
        1 + len(fits), 1, figsize=(4.6, 5.0), sharex=True,
        height_ratios=[3] + len(fits) * [1])
    readings, colours = read(), ("C0", "C1")
    rows = [readings["distance_m"] == r for r in np.unique(readings["distance_m"])]
    for of_piezometer, colour in zip(rows, colours):
        points = readings[of_piezometer]
        top.plot(points["time_min"], points["drawdown_m"], "o", ms=2.5, color=colour,
                 label=f"measured, {points['distance_m'][0]:.0f} m")
    for ax, style, (name, fit) in zip(below, ("--", "-"), fits.items()):
        test, parameters = fit.model.test, fit.model.parameters(fit.theta)
        residual = test.misfit(*parameters).numpy()
        for of_piezometer, s, colour in zip(rows, test.drawdown(*parameters).numpy().T, colours):
            top.plot(1440 * test.times, s, style, lw=1.1, color=colour)
            ax.plot(readings["time_min"][of_piezometer], residual[of_piezometer], "o-", ms=2,
                    lw=0.7, color=colour)
        top.plot([], [], style, color="0.3", label=f"{name}: misfit {fit.rmse:.3f} m")
        ax.axhline(0.0, color="0.45", lw=0.8, zorder=1)
        ax.set(ylabel="computed −\nmeasured (m)", ylim=(-0.13, 0.13))
        ax.annotate(name, (0.01, 0.93), xycoords="axes fraction", va="top")
    top.set(xscale="log", xlim=(0.07, 1200), ylim=(-0.03, 1.18), ylabel="drawdown (m)")
    top.legend(ncols=2)
    below[-1].set(xlabel="time since the start of pumping (min)")
    return figure


def _plot_conductivity(uniform, radial):
    from matplotlib import pyplot as plt

    network, free, test = radial["network"], radial["free"], uniform.model.test
    r = test.points
    reach = np.sqrt(2.25 * uniform.K / uniform.storage * test.times[-1])
    figure, ax = plt.subplots(figsize=(4.6, 3.4))
    ax.fill_between(r, free.K * np.exp(-2 * free.error), free.K * np.exp(2 * free.error), alpha=0.25,
                    lw=0, label="± 2 s.e., free values")
    ax.plot(r, network.K, color="C1", lw=2.0, label="network")
    ax.plot(r, free.K, ":", color="k", lw=1.2, label="free values")
    for sign in (-2, 2):
        ax.plot(r, network.K * np.exp(sign * network.error), "--", color="C1", lw=0.8,
                label="± 2 s.e., weights" if sign == 2 else None)
    ax.axhspan(*uniform.interval[0], color="0.7", lw=0, zorder=1, label="one K, 95 %")
    for i, distance in enumerate(test.distances):
        ax.axvline(distance, color="k", lw=0.8, ls=":", label=None if i else "piezometers")
    ax.axvline(reach, color="C2", lw=1, ls="-.", label="reach at the end")
    ax.set(xscale="log", yscale="log", xlim=(WELL, FAR), ylim=(8, 600), ylabel="conductivity K (m/d)",
           xlabel="distance from the well (m)")
    ticks = [10, 20, 50, 100, 200, 500]
    ax.set_yticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.legend(ncols=3, columnspacing=1.0)
    return figure


if __name__ == "__main__":
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcome = main(seed=arguments.seed)
    print("K and S_s as two numbers\n" + table(outcome["uniform"]), "\n")
    print("Are the cells small and the steps short enough?", outcome["resolution"], "", sep="\n")
    print("K(r) as a network\n" + summary(outcome["radial"]), "\n")
    for path in plot(outcome, arguments.output):
        print("figure:", path.resolve())
