"""A simulation inside a loss: derivatives against differences of independent integrators."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.integrate import solve_ivp

import pcl
from pcl.collocation import Mesh
from pcl.dae import Law, Model, simulate

TIMES = np.array([0.0, 0.3, 1.1, 2.0])
NET = pcl.MLP((1, 3, 1))
LAW = Law(NET, "x", "r", input_scale=2.0)


def integrated(f, x0, t, method="DOP853", rtol=1e-12, atol=1e-14):
    return solve_ivp(f, (t[0], t[-1]), x0, method, t, rtol=rtol, atol=atol).y


class Robertson:
    """Stiff: three species, rate constants over nine decades; θ are factors of them."""

    t, theta, step = np.array([0.0, 0.4, 4.0, 40.0]), [1.0, 1.0, 1.0], 0.01
    model = Model(states=("A", "B", "C"), parameters=("k1", "k2", "k3"), rates=lambda v: {
        "A": -0.04 * v.k1 * v.A + 1e4 * v.k3 * v.B * v.C,
        "B": 0.04 * v.k1 * v.A - 1e4 * v.k3 * v.B * v.C - 3e7 * v.k2 * v.B ** 2,
        "C": 3e7 * v.k2 * v.B ** 2})

    def simulated(self, q):
        y = simulate(self.model, {"A": 1.0, "B": 0.0, "C": 0.0}, t=self.t, sizes={"B": 1e-5},
                     parameters=dict(zip(self.model.parameters, tf.unstack(q))))
        return [y["A"], 1e4 * y["B"], y["C"]]

    def independent(self, q):
        def f(t, x):
            a, b, c = 0.04 * q[0] * x[0], 1e4 * q[2] * x[1] * x[2], 3e7 * q[1] * x[1] ** 2
            return [b - a, a - b - c, c]
        y = integrated(f, [1.0, 0.0, 0.0], self.t, "LSODA", 1e-12, [1e-14, 1e-19, 1e-14])
        return y * [[1.0], [1e4], [1.0]]


class VanDerPol:
    """Stiff, nonlinear: μ = 30; also the start."""

    t, theta, step = np.array([0.0, 5.0, 12.0, 20.0]), [30.0, 2.0], 0.002
    model = Model(states=("x", "v"), parameters="mu",
                  rates=lambda v: {"x": v.v, "v": v.mu * (1.0 - v.x ** 2) * v.v - v.x})

    def simulated(self, q):
        y = simulate(self.model, {"x": q[1], "v": 0.0}, t=self.t, parameters={"mu": q[0]})
        return [y["x"], y["v"]]

    def independent(self, q):
        return integrated(lambda t, x: [x[1], q[0] * (1.0 - x[0] ** 2) * x[1] - x[0]], [q[1], 0.0],
                          self.t, "LSODA", 1e-12, 1e-14)


class IndexOne:
    """x' = −k y, 0 = y + c y³ − x, and an observable."""

    t, theta, step = TIMES, [0.8, 1.5, 2.0], 0.01
    model = Model(states="x", algebraic="y", parameters=("k", "c"), rates=lambda v: {"x": -v.k * v.y},
                  equations=lambda v: {"root": v.y + v.c * v.y ** 3 - v.x},
                  observed={"flow": lambda v: v.k * v.y ** 2 - v.d("x")})

    def simulated(self, q):
        y = simulate(self.model, {"x": q[2]}, t=self.t, parameters={"k": q[0], "c": q[1]})
        return [y["x"], y["y"], y["flow"]]

    def independent(self, q):
        k, c, x0 = q

        def root(x):
            r = np.sqrt(81.0 * x ** 2 / c ** 2 + 12.0 / c ** 3) / 18.0
            return np.cbrt(x / (2.0 * c) + r) + np.cbrt(x / (2.0 * c) - r)
        x = integrated(lambda t, x: -k * root(x), [x0], self.t)[0]
        return np.array([x, root(x), k * root(x) ** 2 + k * root(x)])


class IndexTwo:
    """Two tanks of one level, the flows between them unknown: θ = outflow, inflow, level at the start."""

    t, theta, step = TIMES, [0.4, 1.3, 0.7], 0.01
    model = Model(states=("x1", "x2"), algebraic=("w1", "w2"), parameters=("a", "q"),
                  rates=lambda v: {"x1": v.w1 - v.a * tf.sqrt(v.x1), "x2": v.w2 / 2.0},
                  equations=lambda v: {"split": v.w1 + v.w2 - v.q, "levels": v.x1 - v.x2})

    def simulated(self, q):
        y = simulate(self.model, {"x1": q[2], "x2": q[2]}, t=self.t, parameters={"a": q[0], "q": q[1]})
        return [y["x1"], y["x2"], y["w1"]]

    def independent(self, q):
        a, inflow, x0 = q
        x = integrated(lambda t, x: (inflow - a * np.sqrt(x)) / 3.0, [x0], self.t)[0]
        return np.array([x, x, (inflow - a * np.sqrt(x)) / 3.0 + a * np.sqrt(x)])


class IndexThree:
    """A pendulum in Cartesian coordinates: θ = gravity, length (in the constraint and the start)."""

    t, theta, step = TIMES, [9.0, 1.2], 0.01
    model = Model(states=("x", "y", "u", "w"), algebraic="s", parameters=("g", "L"),
                  rates=lambda v: {"x": v.u, "y": v.w, "u": -v.s * v.x, "w": -v.s * v.y - v.g},
                  equations=lambda v: {"rod": v.x ** 2 + v.y ** 2 - v.L ** 2})

    def simulated(self, q):
        start = {"x": q[1] * np.sin(1.0), "y": -q[1] * np.cos(1.0), "u": 0.0, "w": 0.0}
        y = simulate(self.model, start, t=self.t, parameters={"g": q[0], "L": q[1]}, names=("x", "w"))
        return [y["x"], y["w"]]

    def independent(self, q):
        a, w = integrated(lambda t, a: [a[1], -q[0] / q[1] * np.sin(a[0])], [1.0, 0.0], self.t)
        return q[1] * np.array([np.sin(a), np.sin(a) * w])


class GrowthLaw:
    """x' = r(x) − k x with r a network: its weights, a parameter and the start."""

    t, step = TIMES, 0.01
    theta = [*NET.init(3), 0.5, 1.4]
    model = Model(states="x", outputs="r", parameters="k", rates=lambda v: {"x": v.r - v.k * v.x})

    def simulated(self, q):
        y = simulate(self.model, {"x": q[-1]}, t=self.t, laws=[LAW], weights={"r": q[:-2]},
                     parameters={"k": q[-2]})
        return [y["x"], y["r"]]

    def independent(self, q):
        W, b, c, d = q[:3], q[3:6], q[6:9], q[9]

        def r(x):
            return np.tanh(np.multiply.outer(x / 2.0, W) + b) @ c + d
        x = integrated(lambda t, x: r(x) - q[-2] * x, [q[-1]], self.t)[0]
        return np.array([x, r(x)])


class Doses:
    """A dose, a jump that depends on a parameter, an input that is switched, a start at rest."""

    t, theta, step = np.array([0.0, 1.0, 2.5, 4.0]), [0.7, 2.0, 0.4], 0.01
    model = Model(states="c", parameters=("k", "q", "r"), inputs="u",
                  jumps={"wash": lambda v: {"c": v.r * v.c}},
                  rates=lambda v: {"c": v.q * v.u - v.k * v.c ** 2})

    def simulated(self, q):
        y = simulate(self.model, {"c": "steady"}, {"u": ([0.0, 2.0], [1.0, 0.3], "constant")}, self.t,
                     parameters=dict(zip("kqr", tf.unstack(q))), doses=[(1.5, "c", 2.0)],
                     jumps={"wash": 3.0})
        return [y["c"]]

    def independent(self, q):
        k, f, r = q
        found, c = [np.sqrt(f / k)], np.sqrt(f / k)
        for a, b, u in ((0.0, 1.0, 1.0), (1.0, 1.5, 1.0), (1.5, 2.0, 1.0), (2.0, 2.5, 0.3),
                        (2.5, 3.0, 0.3), (3.0, 4.0, 0.3)):
            c = c + 2.0 * (a == 1.5) if a != 3.0 else r * c
            c = integrated(lambda t, c, u=u: f * u - k * c ** 2, [c], [a, b])[0, -1]
            found += [c] if b in self.t else []
        return np.array([found])


SYSTEMS = [Robertson, VanDerPol, IndexOne, IndexTwo, IndexThree, GrowthLaw, Doses]


def differences(y, q, step):
    """(J (m, q), function of the second differences along a direction), of order four."""
    steps = step * np.maximum(np.abs(q), 0.5)
    J = np.stack([(8.0 * (y(q + e) - y(q - e)) - (y(q + 2 * e) - y(q - 2 * e))) / (12.0 * h)
                  for e, h in zip(np.diag(steps), steps)], axis=-1)

    def second(v):
        far, near = (y(q + a * v) + y(q - a * v) for a in (2 * step, step))
        return (16.0 * near - far - 30.0 * y(q)) / (12.0 * step ** 2)
    return J, second


@pytest.mark.parametrize("System", SYSTEMS, ids=lambda s: s.__name__)
def test_derivatives_of_simulations_are_those_of_an_independent_integrator(System):
    system, q = System(), np.array(System.theta)
    y = system.independent(q)
    w = np.cos(1.0 + np.arange(y.size)).reshape(y.shape)
    problem = pcl.Problem(lambda theta: tf.reduce_sum(w * tf.stack(system.simulated(theta["q"]))),
                          {"q": q})
    J, second = differences(lambda q: (w * system.independent(q)).sum(), q, system.step)
    assert abs(problem.value(q) - (w * y).sum()) < 1e-7 * np.abs(w * y).sum()
    np.testing.assert_allclose(problem.gradient(q), J, rtol=0.0, atol=1e-6 * np.abs(J).max())
    v = np.abs(q) * np.cos(np.arange(q.size))
    H, expected = problem.hessian(q), second(v)
    scale = np.abs(H).max() * np.abs(v).max() ** 2
    assert abs(v @ H @ v - expected) < 1e-4 * scale
    np.testing.assert_allclose(problem.hvp(q, v), H @ v, rtol=0.0, atol=1e-9 * np.abs(H @ v).max())


# --- beside other physics, on a mesh, outside of a Problem ---------------------------------------------
DECAY = Model(states="c", parameters="k", rates=lambda v: {"c": -v.k * v.c ** 2})


def test_a_simulation_stands_beside_a_partial_differential_equation():
    """−(κ u')' = 1 with κ(θ), cooled by what a simulation with the same κ gives; on a mesh of its own."""
    n, mesh = 9, Mesh.uniform(0.0, 2.0, 20)
    D = (np.eye(n + 1, n) - np.eye(n + 1, n, -1)) * (n + 1)
    structure = pcl.Structure(D, D)

    def loss(theta):
        kappa = tf.exp(theta["log κ"])
        u = pcl.solve(pcl.SparseMatrix.from_structure(structure, kappa * np.ones(n + 1)), np.ones(n))
        c = simulate(DECAY, {"c": 1.0 + u[n // 2]}, t=TIMES, parameters={"k": kappa * theta["k"]},
                     mesh=mesh, names="c")["c"]
        return tf.reduce_sum((c - 0.5) ** 2) + u[0] * c[-1]
    problem = pcl.Problem(loss, {"log κ": 0.3, "k": 0.8})
    q, (k, a) = problem.theta0, (0.8, np.exp(0.3))
    c0 = 1.0 + 0.125 / a
    assert problem.value(q) == pytest.approx(
        ((c0 / (1.0 + a * k * c0 * TIMES) - 0.5) ** 2).sum()
        + 0.045 / a * c0 / (1.0 + a * k * c0 * TIMES[-1]), rel=1e-8)
    assert pcl.check_gradient(problem, q).ok and pcl.check_hessian(problem, q).ok


def test_training_through_simulations_ends_where_the_data_were_made():
    seen = IndexOne().independent(np.array([0.8, 1.5, 2.0]))[0]

    def loss(theta):
        y = simulate(IndexOne.model, {"x": theta["x0"]}, t=TIMES, parameters={"k": theta["k"], "c": 1.5})
        return 1e2 * tf.reduce_sum((y["x"] - seen) ** 2)
    problem = pcl.Problem(loss, {"k": 0.3, "x0": 1.0})
    found = pcl.minimize(problem, gtol=1e-9)
    assert float(found.theta["k"]) == pytest.approx(0.8, rel=1e-6)
    assert float(found.theta["x0"]) == pytest.approx(2.0, rel=1e-6)


def test_outside_of_a_problem_tapes_differentiate_twice():
    q = tf.constant([0.8, 2.0], tf.float64)

    def gradient(q):
        with tf.GradientTape() as tape:
            tape.watch(q)
            y = tf.reduce_sum(simulate(DECAY, {"c": q[1]}, t=TIMES, parameters={"k": q[0]})["c"])
        return tape.gradient(y, q)
    k, c0, t = 0.8, 2.0, TIMES
    bottom = 1.0 + k * c0 * t
    expected = [-(c0 ** 2 * t / bottom ** 2).sum(), (1.0 / bottom ** 2).sum()]
    np.testing.assert_allclose(gradient(q), expected, rtol=1e-6)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(q)
        g = gradient(q)
    expected = [[2 * (c0 ** 3 * t ** 2 / bottom ** 3).sum(), -(2 * c0 * t / bottom ** 3).sum()],
                [-(2 * c0 * t / bottom ** 3).sum(), -(2 * k * t / bottom ** 3).sum()]]
    np.testing.assert_allclose(tape.jacobian(g, q, experimental_use_pfor=False), expected, rtol=1e-5)


def test_numbers_alone_give_the_simulation():
    c = simulate(DECAY, {"c": 2.0}, t=TIMES, parameters={"k": 0.8})["c"]
    np.testing.assert_allclose(c, 2.0 / (1.0 + 1.6 * TIMES), rtol=1e-9)


def test_what_is_missing_or_unknown_is_refused():
    for words, options in (("parameters has no 'k'", {}), ("names has 'd'", {"names": "d"}),
                           ("parameters has 'q'", {"parameters": {"k": 1.0, "q": 1.0}}),
                           ("weights has 'r'", {"weights": {"r": [1.0]}}),
                           ("mesh runs from 0 to 1", {"mesh": Mesh.uniform(0.0, 1.0, 2)})):
        with pytest.raises(ValueError, match=words):
            simulate(DECAY, {"c": 1.0}, t=TIMES, **{"parameters": {"k": 1.0} if options else {},
                                                    **options})
    with pytest.raises(ValueError, match=r"weights of 'r' has shape \(2,\)"):
        simulate(GrowthLaw.model, {"x": 1.0}, t=TIMES, laws=[LAW], weights={"r": [1.0, 2.0]},
                 parameters={"k": 1.0})
    with pytest.raises(TypeError, match="float32"):
        simulate(DECAY, {"c": 1.0}, t=TIMES, parameters={"k": tf.constant(1.0)})


def test_starts_against_constraints_and_ends_in_finite_time_are_failed_trials():
    grows = Model(states="x", parameters="k", rates=lambda v: {"x": v.k * v.x ** 2})
    with pytest.raises(pcl.TrialFailure, match="cannot begin: .*levels"):
        simulate(IndexTwo.model, {"x1": 0.5, "x2": 0.7}, t=TIMES, parameters={"a": 0.4, "q": 1.3})
    with pytest.raises(pcl.TrialFailure, match="stopped before its end"):
        simulate(grows, {"x": 1.0}, t=TIMES, parameters={"k": 1.0})
