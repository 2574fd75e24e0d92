"""Derivatives by other means than the library's, and the arguments that a Protocol promises."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

import pcl


def flat_loss(loss, problem):
    """The loss of {block: tensor} as a function of the flat θ, for tapes outside of the Problem."""
    def flat(theta):
        return loss({name: tf.reshape(theta[s], problem.blocks.shapes[name])
                     for name, s in problem.slices.items()})
    return flat


def by_tapes(function, theta, vectorised=True):
    """(value, gradient, Hessian) of a scalar function of a flat tensor by two nested tapes.

    `vectorised`: all rows of the Hessian at once, which not every operation allows.
    """
    theta = tf.constant(theta, tf.float64)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(theta)
        with tf.GradientTape() as inner:
            inner.watch(theta)
            value = function(theta)
        gradient = tf.convert_to_tensor(inner.gradient(value, theta, unconnected_gradients="zero"))
    hessian = outer.jacobian(gradient, theta, unconnected_gradients="zero",
                             experimental_use_pfor=vectorised)
    return float(value), gradient.numpy(), tf.convert_to_tensor(hessian).numpy()


def products_by_tapes(function, theta, directions):
    """(value, gradient, [Hessian times v for v in directions]) as `by_tapes`, ∇⟨∇f, v⟩ one by one."""
    theta = tf.constant(theta, tf.float64)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(theta)
        with tf.GradientTape() as inner:
            inner.watch(theta)
            value = function(theta)
        gradient = tf.convert_to_tensor(inner.gradient(value, theta, unconnected_gradients="zero"))
        along = [tf.reduce_sum(gradient * v) for v in directions]
    products = [outer.gradient(slope, theta, unconnected_gradients="zero") for slope in along]
    return float(value), gradient.numpy(), [tf.convert_to_tensor(product).numpy() for product in products]


def product_by_tapes(function, theta, v):
    """(value, gradient, Hessian times v)."""
    value, gradient, (product,) = products_by_tapes(function, theta, [v])
    return value, gradient, product


def check_products_against_tapes(loss, blocks, rtol=1e-10, directions=1):
    """Value, gradient, and the Hessian of a Problem, in all ways of having it, times random directions.

    That is as sharp as all entries of the Hessian: a wrong one has a null vector of its error with
    probability 0 only.
    """
    problem, rng = pcl.Problem(loss, blocks), np.random.default_rng(0)
    theta = problem.theta0 + 0.01 * rng.normal(size=problem.size)
    V = rng.normal(size=(directions, problem.size))
    value, gradient, products = products_by_tapes(flat_loss(loss, problem), theta, V)
    assert problem.value(theta) == pytest.approx(value, rel=1e-12)

    def close(given, expected):
        np.testing.assert_allclose(given, expected, rtol=0, atol=rtol * np.abs(expected).max())
    close(problem.gradient(theta), gradient)
    for mode in ("forward", "backward"):
        H = problem.hessian(theta, mode=mode)
        close(V @ H, products)
        close(H, H.T)
    for v, product in zip(V, products):
        close(problem.hvp(theta, v), product)
    return problem


def check_against_tapes(loss, blocks, rtol=1e-10):
    """The same in two directions."""
    return check_products_against_tapes(loss, blocks, rtol, directions=2)


def slope(f, x, d, h):
    """f'(x) d by a central difference: an error of order h² and rounding / h."""
    return (f(x + h * d) - f(x - h * d)) / (2.0 * h)


def slope_of_order_six(f, x, d, h=1e-3):
    """f'(x) d with an error of order h⁶: two differences of order four, extrapolated."""
    def central(h):
        return (4.0 * slope(f, x, d, h) - slope(f, x, d, 2.0 * h)) / 3.0
    return (16.0 * central(h / 2.0) - central(h)) / 15.0


def differences(f, x, h=1e-4):
    """∂f/∂x (…, n) by central differences."""
    return np.stack([slope(f, x, e, h) for e in np.eye(len(x))], axis=-1)


def complex_step(f, x):
    """∂f/∂x (…, n) to rounding, f an analytic function of NumPy."""
    return np.stack([np.imag(f(x + 1e-30j * e)) / 1e-30 for e in np.eye(len(x))], axis=-1)


def broken_promises(protocol, keeper):
    """Methods of a Protocol that a class or an object lacks, or has with other arguments."""
    broken = []
    for name, promised in inspect.getmembers(protocol, inspect.isfunction):
        given = getattr(keeper, name, None)
        if name.startswith("_"):
            continue
        if not callable(given):
            broken.append(f"lacks {name}")
        elif not _takes(given, inspect.signature(promised), bound=not inspect.isclass(keeper)):
            broken.append(f"other arguments of {name}")
    return broken


def _takes(function, promised, bound):
    """Whether a function, `bound` to its object or not, can be called as the Protocol says."""
    wanted = list(promised.parameters.values())[bound:]
    found = list(inspect.signature(function).parameters.values())
    needed = [p for p in found if p.default is p.empty]
    return (any(p.kind is p.VAR_POSITIONAL for p in wanted)
            or len(needed) <= len(wanted) <= len(found))
