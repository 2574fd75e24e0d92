"""Losses with parameters in every place that a form, a condition or an observation offers.

Each entry of LOSSES is a function of {"theta": (k,)} and a start.
"""

import functools

import numpy as np
import tensorflow as tf
from manufactured import parallelogram

import fem
import pcl
from fem import Constraint, Dirichlet

EYE = np.eye(2)
NET = pcl.MLP([2, 3, 1], output=pcl.softplus(0.2))
ONE = pcl.MLP([1, 3, 1], output=pcl.softplus(0.2))
POINTS = np.array([[0.31, 0.42], [0.52, 0.77], [0.66, 0.29]])
SLANTED = np.array([[0.2, 0.5], [0.4, 0.7], [0.55, 0.45]])


@functools.cache
def square(element="P1", n=3):
    return fem.Space(fem.unit_square(n), _element(element))


@functools.cache
def slanted(element, n=2):
    return fem.Space(parallelogram(n), _element(element), quadrature_order=6)


def _element(element):
    """Pairs (field, element) as a dict, which a cache could not hash."""
    return dict(element) if type(element) is tuple else element


@functools.cache
def halves(n=4):
    regions = {"west": lambda x: x[0] < 0.5, "east": lambda x: x[0] > 0.5}
    mesh = fem.unit_square(n).with_subdomains(regions)
    return fem.Space(mesh, "P1")


def squares(*parts):
    return tf.add_n([tf.reduce_sum((part - 0.1) ** 2) for part in parts])


def seen(V, u, points=POINTS, **which):
    return squares(V.observe(points, **which) @ u)


ROLLERS = [Dirichlet("left", 0.0, component=0), Dirichlet("bottom", 0.0, component=1)]


# --- forms of one field and of several ------------------------------------------------------------
def young_network(t):
    """E(x) a network, traction of the size 0.1, seen at three points."""
    V = square(fem.vector("P2"), 2)

    def form(u, x):
        E = NET(t["theta"], x)[:, 0]
        return {"u": {"gradient": E[:, None, None] * (
            2 * fem.sym(u.gradient) + u.divergence[:, None, None] * EYE)}}
    A, b = V.system(form, {"right": lambda u, x, n: {"u": {"value": -0.1 * n}}})
    return seen(V, fem.solve(A, b, {"left": 0.0}))


def stokes_viscosity(t):
    """ν(x) = θ₀ + θ₁ x, driven by a pressure θ₂."""
    V = square((("u", fem.vector("P2")), ("p", "P1")), 2)
    theta = t["theta"]

    def form(u, p, x):
        nu = theta[0] + theta[1] * x[:, 0]
        stress = nu[:, None, None] * u.gradient - p.value[:, None, None] * EYE
        return {"u": {"gradient": stress}, "p": {"value": u.divergence}}
    A, b = V.system(form, {"left": lambda u, p, x, n: {"u": {"value": theta[2] * n}}})
    y = fem.solve(A, b, {"u": {"top": 0.0, "bottom": 0.0}})
    return seen(V, y, field="u") + seen(V, y, field="p")


def newtonian_law(t):
    """ν a network of |∇u|², in a nonlinear system of two fields."""
    V = square((("u", fem.vector("P2")), ("p", "P1")), 2)

    def form(u, p, x):
        rate = tf.reduce_sum(u.gradient ** 2, [1, 2])
        nu = ONE(t["theta"], rate[:, None])[:, 0]
        stress = nu[:, None, None] * u.gradient - p.value[:, None, None] * EYE
        return {"u": {"gradient": stress, "value": tf.linalg.matvec(u.gradient, u.value)},
                "p": {"value": u.divergence}}

    def push(u, p, x, n):
        return {"u": {"value": 0.8 * n}}
    y = fem.solve_nonlinear(V, form, {"u": {"top": 0.0, "bottom": 0.0}}, boundary={"left": push})
    return seen(V, y, field="u")


def neo_hooke(t):
    """Energy with μ, λ and a pull, all parameters."""
    V = square(fem.vector("P1"), 2)
    theta = t["theta"]

    def energy(u, x):
        F = EYE + u.gradient
        log_J = tf.math.log(tf.linalg.det(F))
        return theta[0] / 2 * (tf.reduce_sum(F * F, [1, 2]) - 2 - 2 * log_J) + theta[1] / 2 * log_J ** 2
    pull = {"right": lambda u, x, n: {"u": {"value": -theta[2] * (1 + x[:, 1:]) * n}}}
    return seen(V, fem.solve_nonlinear(V, fem.Energy(energy), ROLLERS, boundary=pull))


def robin(t):
    """Facets with h(u) = θ₀u + θ₁u³ − 1."""
    V = square()
    theta = t["theta"]

    def facet(u, x, n):
        return {"u": {"value": theta[0] * u.value + theta[1] * u.value ** 3 - 1.0}}

    def form(u, x):
        return {"u": {"gradient": u.gradient}}
    return seen(V, fem.solve_nonlinear(V, form, {"left": 0.0}, boundary={"right": facet}))


def plate_stiffness(t):
    """D(x) of a Morley plate a network."""
    V = slanted((("w", "Morley"),))

    def form(w, x):
        return {"w": {"hessian": NET(t["theta"], x)[:, :, None] * w.hessian, "value": -10.0}}
    clamped = [Dirichlet(None, 0.0), Dirichlet(None, 0.0, component="normal derivative")]
    return seen(V, fem.solve(*V.system(form), clamped), SLANTED)


def helmholtz(t):
    """Wavenumber and absorption in two fields that are coupled."""
    V = square((("re", "P1"), ("im", "P1")))
    k, a = t["theta"][0], t["theta"][1]

    def form(re, im, x):
        return {"re": {"gradient": re.gradient, "value": -k ** 2 * re.value - a * im.value - 1.0},
                "im": {"gradient": im.gradient, "value": -k ** 2 * im.value + a * re.value}}
    y = fem.solve(*V.system(form), {"re": {"left": 0.0}, "im": {"left": 0.0}})
    return seen(V, y, field="re") + seen(V, y, field="im")


# --- conditions -----------------------------------------------------------------------------------
def laplace_form(u, x):
    return {"u": {"gradient": u.gradient, "value": u.value - 1.0}}


def given_values(t):
    """u = θ₀ + θ₁ y on the left, u = θ₂ on the right."""
    V = square()
    theta = t["theta"]
    conditions = {"left": lambda x: theta[0] + theta[1] * x[:, 1], "right": theta[2]}
    return seen(V, fem.solve(*V.system(laplace_form), conditions))


def given_normal(t):
    """u·n = θ₀ + θ₁ x on a slanted side."""
    V = slanted(fem.vector("P2"))
    theta = t["theta"]

    def form(u, x):
        return {"u": {"gradient": fem.sym(u.gradient), "value": u.value - np.array([1.0, 0.5])}}
    condition = Dirichlet("right", lambda x: theta[0] + theta[1] * x[:, 0], component="normal")
    return seen(V, fem.solve(*V.system(form), condition), SLANTED)


def given_flux(t):
    """s·n = θ₀ + θ₁ x on a side, projected on Raviart–Thomas functions."""
    V = slanted((("s", "RT1"), ("u", "P0")))
    theta = t["theta"]

    def form(s, u, x):
        return {"s": {"value": s.value, "divergence": u.value}, "u": {"value": s.divergence + 1.0}}
    given = {"right": lambda x: theta[0] + theta[1] * x[:, 0]}
    return seen(V, fem.solve(*V.system(form), {"s": given}), SLANTED, field="s")


def given_tangent(t):
    """t·E = θ₀ + θ₁ x on a side, projected on Nédélec functions."""
    V = slanted("N1")
    theta = t["theta"]

    def form(E, x):
        return {"u": {"curl": E.curl, "value": E.value - np.array([1.0, 0.5])}}
    given = {"right": lambda x: theta[0] + theta[1] * x[:, 0]}
    return seen(V, fem.solve(*V.system(form), given), SLANTED)


def given_slope(t):
    """w = θ₀ x on the boundary and ∂w/∂n = θ₁ of an Argyris plate, projected together."""
    V = slanted((("w", "Argyris"),))
    theta = t["theta"]

    def form(w, x):
        return {"w": {"hessian": w.hessian, "value": -10.0}}
    given = [Dirichlet(None, lambda x: theta[0] * x[:, 0]),
             Dirichlet(None, theta[1], component="normal derivative")]
    return seen(V, fem.solve(*V.system(form), given), SLANTED)


# --- constraints ----------------------------------------------------------------------------------
def given_mean(t):
    """∫u = θ₀ with κ = θ₁ + u², by a multiplier in a nonlinear solve."""
    V = square()
    theta = t["theta"]

    def form(u, x):
        kappa = theta[1] + u.value ** 2
        return {"u": {"gradient": kappa[:, None] * u.gradient, "value": 0.5 - x[:, 0]}}
    return seen(V, fem.solve_nonlinear(V, form, constraints=V.mean_value(theta[0])))


def given_sum(t):
    """u₁ + 2u₂ = θ₀ at two nodes inside, by elimination, with κ = θ₁."""
    V = square()
    theta = t["theta"]
    inside = np.setdiff1d(np.arange(V.n), V.boundary_dofs())[:2]
    row = np.zeros((1, V.n))
    row[0, inside] = 1.0, 2.0
    A, b = V.system(lambda u, x: {"u": {"gradient": theta[1] * u.gradient, "value": -1.0}})
    return seen(V, fem.solve(A, b, 0.0, constraints=Constraint(row, theta[:1])))


def periodic(t):
    """κ(x) = θ₀ + θ₁ x, periodic from left to right."""
    V = square()
    theta = t["theta"]
    A, b = V.system(lambda u, x: {"u": {
        "gradient": (theta[0] + theta[1] * x[:, 0])[:, None] * u.gradient, "value": -x[:, 0]}})
    return seen(V, fem.solve(A, b, {"bottom": 0.0}, constraints=V.periodic("left", "right")))


# --- coefficients and observations ----------------------------------------------------------------
def regions(t):
    """κ = θ₀ in the west and θ₁ + x in the east."""
    V = halves()
    theta = t["theta"]
    kappa = V.by_region({"west": theta[0], "east": lambda x: theta[1] + x[:, 0]})
    A, b = V.system(lambda u, x: {"u": {"gradient": kappa[:, None] * u.gradient, "value": -1.0}})
    return seen(V, fem.solve(A, b, {"left": 0.0}))


def field_of(theta, V):
    A, b = V.system(lambda u, x: {"u": {
        "gradient": (theta[0] + theta[1] * x[:, 0])[:, None] * u.gradient, "value": -1.0}})
    return fem.solve(A, b, {"left": 0.0, "bottom": 0.0})


def gradients(t):
    """∇u at points."""
    V = square("P2", 2)
    return seen(V, field_of(t["theta"], V), quantity="gradient")


def functional(t):
    """∫ u² + θ₀ |∇u|² x dx of one region, and its mean value on a side."""
    V = halves()
    theta = t["theta"]
    u = field_of(theta, V)

    def j(u, x):
        return u.value ** 2 + theta[0] * tf.reduce_sum(u.gradient ** 2, 1) * x[:, 0]
    mean = V.average(lambda u, x, n: u.value * n[:, 0], u, where="right", on="boundary")
    return squares(V.integrate(j, u, region="east"), mean)


def reaction(t):
    """The consistent reaction of a held side."""
    V = square()
    theta = t["theta"]

    def form(u, x):
        return {"u": {"gradient": (theta[0] + theta[1] * x[:, 0])[:, None] * u.gradient, "value": -1.0}}
    u = fem.solve(*V.system(form), {"left": 0.0, "right": 1.0})
    return squares(V.reaction(form, u, "left"))


def cavity_frequency(t):
    """Second Maxwell eigenvalue of a square with the permittivity θ₀ + θ₁ x."""
    V = square("N1", 4)
    theta = t["theta"]
    K = V.matrix(lambda E, x: {"u": {"curl": E.curl}})
    M = V.matrix(lambda E, x: {"u": {"value": (theta[0] + theta[1] * x[:, 0])[:, None] * E.value}})
    return squares(fem.eigenvalues(K, M, [1, 2], 0.0, sigma=13.0) / 10)


LOSSES = {
    young_network: 0.5 * NET.init(1), stokes_viscosity: np.array([0.7, 0.4, 1.5]),
    newtonian_law: ONE.init(2), neo_hooke: np.array([1.3, 2.1, 0.3]), robin: np.array([0.8, 0.5]),
    plate_stiffness: NET.init(3), helmholtz: np.array([1.2, 0.4]),
    given_values: np.array([0.3, 0.5, -0.2]), given_normal: np.array([0.3, -0.2]),
    given_flux: np.array([0.3, -0.2]), given_tangent: np.array([0.3, -0.2]),
    given_slope: np.array([0.3, -0.2]), given_mean: np.array([0.4, 1.1]), given_sum: np.array([0.4, 1.1]),
    periodic: np.array([0.9, 0.6]), regions: np.array([0.7, 1.2]), gradients: np.array([0.9, 0.6]),
    functional: np.array([0.9, 0.6]), reaction: np.array([0.9, 0.6]),
    cavity_frequency: np.array([1.1, 0.3])}
