"""Models as a user would state them, each in at most twelve lines."""

import numpy as np
import skfem
import tensorflow as tf

import fem

# A test counts the lines of each of these functions, without their first one.
LIMIT = 12


def elasticity(E=1.0, nu=0.3, pull=0.1, n=4):
    mu, lam = E / (2 * (1 + nu)), E * nu / (1 - nu ** 2)                    # plane stress
    V = fem.Space(fem.unit_square(n), fem.vector("P1"))

    def form(u, x):
        strain = fem.sym(u.gradient)
        return {"u": {"gradient": 2 * mu * strain + lam * u.divergence[:, None, None] * np.eye(2)}}

    A, b = V.system(form, {"right": lambda u, x, n: {"u": {"value": -pull * n}}})
    rollers = [fem.Dirichlet("left", 0.0, component=0), fem.Dirichlet("bottom", 0.0, component=1)]
    return V, fem.solve(A, b, rollers)


def stokes(nu=0.5, drop=8.0, n=3):
    V = fem.Space(fem.unit_square(n), {"u": fem.vector("P2"), "p": "P1"})

    def form(u, p, x):
        stress = nu * u.gradient - p.value[:, None, None] * np.eye(2)
        return {"u": {"gradient": stress}, "p": {"value": u.divergence}}

    A, b = V.system(form, {"left": lambda u, p, x, n: {"u": {"value": drop * n}}})
    walls = [fem.Dirichlet(["bottom", "top"], 0.0), fem.Dirichlet(["left", "right"], 0.0, component=1)]
    return V, fem.solve(A, b, {"u": walls})


def hyperelasticity(mu=1.3, lam=2.1, pull=0.4, n=3):
    V = fem.Space(fem.unit_square(n), fem.vector("P1"))

    def energy(u, x):
        F = np.eye(2) + u.gradient
        log_J = tf.math.log(tf.linalg.det(F))
        return mu / 2 * (tf.reduce_sum(F * F, [1, 2]) - 2 - 2 * log_J) + lam / 2 * log_J ** 2

    rollers = [fem.Dirichlet("left", 0.0, component=0), fem.Dirichlet("bottom", 0.0, component=1)]
    return V, fem.solve_nonlinear(V, fem.Energy(energy), rollers, boundary={
        "right": lambda u, x, n: {"u": {"value": -pull * n}}})


def helmholtz(k=4.0, n=12, direction=(0.6, 0.8), element="P2"):
    V, d = fem.Space(fem.unit_square(n), {"re": element, "im": element}), np.array(direction)

    def form(re, im, x):
        return {name: {"gradient": f.gradient, "value": -k ** 2 * f.value}
                for name, f in (("re", re), ("im", im))}

    def impedance(re, im, x, n):            # ∂u/∂n − ik u = ik (d·n − 1) exp(ik d·x)
        wave = 1j * k * (n @ d - 1) * np.exp(1j * k * x @ d)
        return {"re": {"value": k * im.value - wave.real}, "im": {"value": -k * re.value - wave.imag}}
    return V, fem.solve(*V.system(form, {None: impedance}))


def supg(epsilon=0.01, beta=1.0, n=10):
    V, h = fem.Space(skfem.MeshLine(np.linspace(0, 1, n + 1)), "P1"), 1 / n
    peclet = beta * h / (2 * epsilon)
    tau = h / (2 * beta) * (1 / np.tanh(peclet) - 1 / peclet)

    def form(u, x):
        residual = beta * u.gradient[:, 0] - 1.0
        flux = epsilon * u.gradient + tau * beta * residual[:, None]
        return {"u": {"value": residual, "gradient": flux}}
    return V, fem.solve(*V.system(form), 0.0)


def mixed_poisson(potential, source, n=4):
    V = fem.Space(fem.unit_square(n), {"q": "RT1", "u": "P0"})

    def form(q, u, x):                      # q = −∇u, ∇·q = f
        return {"q": {"value": q.value, "divergence": -u.value},
                "u": {"value": q.divergence - source(x)}}
    given = {None: lambda q, u, x, n: {"q": {"value": potential(x)[:, None] * n}}}
    return V, fem.solve(*V.system(form, given))


def curl_curl(current, tangential, n=4):
    V = fem.Space(fem.unit_square(n), {"E": "N1"})

    def form(E, x):                         # ∇×∇×E + E = j
        return {"E": {"curl": E.curl, "value": E.value - current(x)}}
    return V, fem.solve(*V.system(form), {"E": fem.Dirichlet(None, tangential, component="tangential")})
