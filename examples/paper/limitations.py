"""What the paper names as its limitations: an index above 1, and stiffness; two systems each.

* tank: the tanks and the manifold (index 2), z₀(x₁, x₄) and z₁(x₁) two networks, 3 trajectories;
* pendulum: the rod as an equation of positions (index 3), a friction law f(s) of the angular velocity,
  from 120 positions with 2 mm of noise in 8 s;
* Robertson: A' = −0.04 A + b C, b' = 400 A − 10⁴ b C − z(b), A + 10⁻⁴ b + C = 1 to t = 40, truth
  z = 3000 b²;
* enzyme: S' = k (C − (1 − C) S), C' = k ((1 − C) S − C) − z(C) with k = 10⁵ to t = 4, truth
  z = 2 C/(1 + C).

Both stiff systems have 40 readings with 1 % noise at times in geometric progression, and such elements.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from examples.paper import systems
from examples.paper.page import figures, grid, number, of, percent, write
from pcl import MLP
from pcl.dae import Law, Model, Trajectory, check, fit, radau

NAME, TITLE = "limitations", "Limitations: index above 1, and stiffness"
SIZES = {"cases": ("tank", "pendulum", "Robertson", "enzyme"), "seeds": (0, 1), "width": 6,
         "maxiter": 500}
QUICK = {"cases": ("enzyme",), "seeds": (0,), "width": 2, "maxiter": 50}


@dataclass(frozen=True)
class Case:
    """A system: its model, data (seed) -> trajectories, laws (width), options of `fit`, and the truth as
    [(law's inputs (n, d), true outputs (n,))], one a law. `rates` is the motion of the truth, for its
    fastest time constant over `span`, where it is an ordinary equation."""

    model: Model
    data: object
    laws: object
    options: dict
    truth: list
    rates: object = None
    at: tuple = ()
    span: float = 1.0

    @property
    def stiffness(self):
        """Horizon × largest |eigenvalue| of the motion at a point; NaN without."""
        if self.rates is None:
            return np.nan
        x = np.array(self.at)
        step = 1e-6 * np.eye(x.size)
        J = np.stack([(np.array(self.rates(0.0, x + e)) - np.array(self.rates(0.0, x - e))) / 2e-6
                      for e in step], axis=1)
        return float(self.span * np.abs(np.linalg.eigvals(J)).max())


# --- index 2 and 3 ------------------------------------------------------------------------------------
def tank():
    """Three trajectories of `benchmarks.dae_cases`, 30 elements with 3 points."""
    system = systems.SYSTEMS["tank"]
    x = system.simulate(system.starts[1], np.linspace(4.0, system.horizon, 100))
    return Case(system.model, lambda seed: systems.data(system, seed),
                lambda width: [Law(MLP((2, width, width, 1)), ("x1", "x4"), "z0"),
                               Law(MLP((1, width, 1)), "x1", "z1")],
                {"elements": 30, "scheme": radau(3)},
                [(x[:, [0, 3]], 0.2 * x[:, 0] * x[:, 3]), (x[:, [0]], 0.1 * np.sqrt(x[:, 0]))])


def friction(s):
    """f behind the data of the pendulum [m/s²]."""
    return 0.3 * np.tanh(4.0 * s) + 0.1 * s


def pendulum():
    """A unit mass on a rod of 1 m, from (0.8, 0.6) at rest; 100 elements with 3 points."""
    model = Model(states=("x", "y", "u", "w"), algebraic=("lam", "s"), outputs=("f",),
                  rates=lambda v: {"x": v.u, "y": v.w, "u": -v.lam * v.x + v.f * v.y,
                                   "w": -v.lam * v.y - 9.81 - v.f * v.x},
                  equations=lambda v: {"rod": v.x ** 2 + v.y ** 2 - 1.0,
                                       "turning": v.s - v.x * v.w + v.y * v.u})
    start, t = {"x": 0.8, "y": 0.6, "u": 0.0, "w": 0.0}, np.linspace(0.0, 8.0, 121)[1:]

    def data(seed):
        angle = solve_ivp(lambda _, a: [a[1], -9.81 * np.sin(a[0]) - friction(a[1])], (0.0, 8.0),
                          [np.arctan2(0.8, -0.6), 0.0], t_eval=t, rtol=1e-10, atol=1e-12).y[0]
        seen = np.stack([np.sin(angle), -np.cos(angle)])
        seen += 0.002 * np.random.default_rng(seed).standard_normal(seen.shape)
        return [Trajectory(t, dict(zip("xy", seen)), start, span=(0.0, 8.0))]
    s = np.linspace(-5.0, 5.0, 101)
    return Case(model, data, lambda width: [Law(MLP((1, width, 1)), "s", "f")],
                {"elements": 100, "scheme": radau(3)}, [(s[:, None], friction(s))])


# --- stiff --------------------------------------------------------------------------------------------
def _noisy(rates, names, starts, times):
    """data(seed) with relative noise of 1 % of motions by a stiff integrator."""
    def data(seed):
        rng, runs = np.random.default_rng(seed), []
        for start in starts:
            x = solve_ivp(rates, (0.0, times[-1]), start, method="Radau", t_eval=times, rtol=1e-9,
                          atol=1e-12).y
            seen = x * (1.0 + 0.01 * rng.standard_normal(x.shape))
            runs.append(Trajectory(times, dict(zip(names, seen)), dict(zip(names, start)),
                                   weights={n: (0.01 * y) ** -2.0 for n, y in zip(names, x)},
                                   span=(0.0, times[-1])))
        return runs
    return data


def _graded(first, last, runs):
    return {"elements": [np.r_[0.0, np.geomspace(first, last, 30)]] * runs, "scheme": radau(3)}


def robertson():
    """b is 10⁴ B; its time constant is half a millisecond, the horizon 40 s."""
    model = Model(states=("A", "b"), algebraic=("C",), outputs=("z",),
                  rates=lambda v: {"A": -0.04 * v.A + v.b * v.C,
                                   "b": 400.0 * v.A - 1e4 * v.b * v.C - v.z},
                  equations=lambda v: {"mass": v.A + 1e-4 * v.b + v.C - 1.0})

    def rates(_, x):
        C = 1.0 - x[0] - 1e-4 * x[1]
        return [-0.04 * x[0] + x[1] * C, 400.0 * x[0] - 1e4 * x[1] * C - 3000.0 * x[1] ** 2]
    b = np.linspace(0.1, 0.35, 51)
    return Case(model, _noisy(rates, ("A", "b"), [(1.0, 0.0)], np.geomspace(1e-3, 40.0, 40)),
                lambda width: [Law(MLP((1, width, 1)), "b", "z")], _graded(1e-5, 40.0, 1),
                [(b[:, None], 3000.0 * b ** 2)], rates, (0.85, 0.2), 40.0)


def enzyme():
    """Binding is 10⁵ times as fast as what is formed."""
    k = 1e5
    model = Model(states=("S", "C"), outputs=("z",),
                  rates=lambda v: {"S": k * (v.C - (1.0 - v.C) * v.S),
                                   "C": k * ((1.0 - v.C) * v.S - v.C) - v.z})

    def rates(_, x):
        bound = k * ((1.0 - x[1]) * x[0] - x[1])
        return [-bound, bound - 2.0 * x[1] / (1.0 + x[1])]
    C = np.linspace(0.1, 0.75, 51)
    return Case(model, _noisy(rates, ("S", "C"), [(4.0, 0.0), (1.5, 0.0)], np.geomspace(1e-6, 4.0, 40)),
                lambda width: [Law(MLP((1, width, 1)), "C", "z")], _graded(1e-8, 4.0, 2),
                [(C[:, None], 2.0 * C / (1.0 + C))], rates, (1.0, 0.5), 4.0)


CASES = {"tank": tank, "pendulum": pendulum, "Robertson": robertson, "enzyme": enzyme}


# --- rows and page ------------------------------------------------------------------------------------
def rows(log, sizes):
    """One row for every case and seed."""
    return [log.row({"experiment": NAME, "case": name, "seed": seed, "width": sizes["width"],
                     "maxiter": sizes["maxiter"]}, lambda: _trained(CASES[name](), seed, sizes))
            for name in sizes["cases"] for seed in sizes["seeds"]]


def _trained(case, seed, sizes):
    laws = case.laws(sizes["width"])
    with systems.Seconds() as spent:
        found = fit(case.model, case.data(seed), laws, seed=seed, maxiter=sizes["maxiter"],
                    **case.options)
    errors = [float(np.sqrt(np.mean((law(a)[:, 0] - z) ** 2)) / np.abs(z).max())
              for law, (a, z) in zip(found.laws, case.truth)]
    program, x = found.program, found.result.x
    c = program.constraints(x)
    return {"index": check(case.model, laws).index, "stiffness": case.stiffness, "errors": errors,
            "law": max(errors), "solved": found.success, "objective": found.objective,
            "iterations": sum(s.iterations for s in found.stages if s.name == "main"),
            "violation": float(np.maximum(program.c_lower - c, c - program.c_upper).max()),
            "elements": found.setting.elements.E, "seconds": spent.value,
            "inputs": [a[:, 0] for a, _ in case.truth][-1],
            "found": found.laws[-1](case.truth[-1][0])[:, 0],
            "true": case.truth[-1][1]}


def page(rows, folder, picture):
    """The table and the figure."""
    head = ("system", "index", "horizon × largest eigenvalue", "elements", "solved", "error of the law",
            "largest violation of an equation", "iterations", "processor s")
    lines = [_line(name, of(rows, case=name)) for name in dict.fromkeys(row["case"] for row in rows)]
    write(folder / f"{NAME}.md", TITLE, __doc__.split("\n\n", 1)[1].rstrip(), _TEXT, grid(head, lines),
          f"![laws of index-2, index-3 and stiff systems]({picture.name})")


_TEXT = """Seed by seed. The error is the root mean square of law − truth relative to the largest value,
over the inputs that the data show (tank: along a trajectory; the worse of both laws). Violations are in
the units of the model, rates included. Iterations are those of all main solves of `fit`, seconds those
from data to law."""


def _line(name, rows):
    return (name, rows[0]["index"], number(rows[0]["stiffness"], 1), rows[0]["elements"],
            f"{sum(row['solved'] for row in rows)} of {len(rows)}",
            ", ".join(percent(row["law"]) for row in rows),
            ", ".join(number(row["violation"], 1) for row in rows),
            figures(rows, "iterations"), figures(rows, "seconds"))


def draw(rows, path):
    """The last law of every case against the truth."""
    from examples.dae.drawing import figure
    labels = {"tank": ("x₁", "z₁"), "pendulum": ("s (1/s)", "f (m/s²)"), "Robertson": ("b", "z"),
              "enzyme": ("C", "z")}
    names = list(dict.fromkeys(row["case"] for row in rows))
    with figure(path, 1, len(names), figsize=(7.1, 2.3), squeeze=False) as axes:
        for axis, name in zip(axes[0], names):
            for row in of(rows, case=name):
                order = np.argsort(row["inputs"])
                axis.plot(np.array(row["inputs"])[order], np.array(row["found"])[order],
                          color=f"C{row['seed']}",
                          label=f"seed {row['seed']}")
            axis.plot(np.array(row["inputs"])[order], np.array(row["true"])[order], "k--", lw=1.0,
                      label="truth")
            axis.set(xlabel=labels[name][0], ylabel=labels[name][1],
                     title=f"{name}, index {row['index']}")
        axes[0, 0].figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left",
                                 ncols=3)
