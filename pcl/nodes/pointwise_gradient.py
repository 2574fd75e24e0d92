"""The gradient of a density that networks and pointwise TensorFlow compute, as a part of the model."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pcl.engine import nodes
from pcl.engine.glue.power import whole_powers
from pcl.nodes.guard import GuardNode
from pcl.nodes.network import NetworkNode
from pcl.nodes.network_gradient import NetworkGradientNode
from pcl.support.types import Tensor


def pointwise_gradient(function: Callable[..., Tensor], *z: Tensor) -> tuple[Tensor, Any]:
    """(ψ, ∂ψ/∂z) of a density ψ = function(z) that acts on each point alone.

    What `tf.GradientTape` would give, but for use inside a loss, an equation or a step, where a tape
    cannot see through networks: glue is differentiated by TensorFlow, a network by its own gradient node.
    The result is differentiated like everything else, so an energy density alone states the residual

        r(u) = Tᵀ ∂ψ/∂z (G u)

    of an equation, its Jacobian and the exact Hessian of a loss of its solution. Parameters are
    what `function` closes over.

    Parameters
    ----------
    function : function of tensors -> tensor (q,)
        Made of networks, `pcl.guard` and TensorFlow operations, entry q of its result from row q of z
        alone: what is returned is the gradient of Σ_q ψ_q.
    z : float64 tensors or arrays (q, …)

    Returns
    -------
    ψ (q,), and its derivative (q, …), for several z a tuple of them

    Raises
    ------
    TypeError, ValueError
        z is not float64; ψ is not a float64 tensor with one entry for each row of z; z reaches ψ through
        a solve, a product or a gradient (a second derivative).

    Examples
    --------
    >>> import numpy as np, pcl
    >>> psi, slope = pcl.pointwise_gradient(lambda z: z[:, 0]**2 * z[:, 1], np.array([[3.0, 2.0]]))
    >>> psi.numpy(), slope.numpy()
    (array([18.]), array([[12.,  9.]]))
    """
    if not z:
        raise TypeError("pointwise_gradient is given no z; expected pointwise_gradient(function, z).")
    z = tuple(tf.identity(nodes.as_input(f"z[{i}]", a)) for i, a in enumerate(z))
    active = nodes.active()
    psi, bars = _by_tape(function, z) if active is None else _by_nodes(function, z, active)
    return psi, bars[0] if len(bars) == 1 else tuple(bars)


def _by_tape(function, z):
    """Outside a Problem all is plain TensorFlow."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        psi = _checked(function(*z), z)
    bars = tape.gradient(psi, z, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return psi, [tf.convert_to_tensor(bar) for bar in bars]


def _by_nodes(function, z, active):
    """One sweep backwards over the calls that depend on z, with the glue before each of them."""
    with nodes.handler(_Listener(active)) as listener, whole_powers():
        psi = _checked(function(*z), z)
    calls, moving = _moving_calls(listener.calls, z)
    bars = _Adjoints([*z, *(output for _, _, output in calls)])
    bars.add(psi, tf.ones_like(psi))
    for node, inputs, output in reversed(calls):
        bar = bars.of(output)
        if bar is not None:
            wanted = [tf.is_tensor(a) and a.ref() in moving for a in inputs]
            for a, a_bar in zip(inputs, adjoints(node, inputs, bar, wanted)):
                if a_bar is not None:
                    bars.add(a, a_bar)
    return psi, [tf.zeros_like(a) if bars.of(a) is None else bars.of(a) for a in z]


def _checked(psi, z):
    rows = {tuple(a.shape)[:1] for a in z}
    if len(rows) > 1 or () in rows:
        raise ValueError(f"the z have shapes {[tuple(a.shape) for a in z]}; expected (q, …) with one q.")
    if not tf.is_tensor(psi) or psi.dtype != tf.float64 or tuple(psi.shape) not in rows:
        given = (f"{psi.dtype.name} of shape {tuple(psi.shape)}" if tf.is_tensor(psi)
                 else type(psi).__name__)
        raise ValueError(f"the density is {given}; expected a float64 tensor of shape {rows.pop()}, one "
                         "entry a point: take [:, 0] of a network's output.")
    return psi


# --- the adjoints of node calls as parts of the model ---------------------------------------------------
@functools.singledispatch
def adjoints(node, inputs, bar, wanted):
    """J_iᵀ v̄ of each input that is wanted, else None, made of nodes and TensorFlow; `bar` is v̄.

    A node of another type is given its rule by `adjoints.register`.
    """
    raise ValueError(f"z reaches the density of pointwise_gradient through {type(node).__name__}; "
                     "expected networks, pcl.guard and TensorFlow operations between them.")


@adjoints.register
def _(node: NetworkNode, inputs, bar, wanted):
    params, x = inputs
    if wanted[0]:
        raise ValueError("the parameters of a network depend on z in the density of pointwise_gradient; "
                         "expected a function of each point alone.")
    return None, nodes.call(NetworkGradientNode(node.net, node.of), params, x, bar)


@adjoints.register
def _(node: GuardNode, inputs, bar, wanted):
    return (bar,)


class _Listener:
    """The active handler, with a list of the node calls that pass: (node, inputs, output)."""

    def __init__(self, active):
        self._active, self.calls = active, []

    def call(self, node, inputs):
        output = self._active.call(node, inputs)
        self.calls.append((node, inputs, output))
        return output

    def record(self, construct):
        return self._active.record(construct)


def _moving_calls(calls, z):
    """The calls whose output depends on z, and the set of all tensors that do."""
    moving: set = set()
    _spread(moving, z)
    found = []
    for node, inputs, output in calls:
        if any(tf.is_tensor(a) and a.ref() in moving for a in inputs):
            found.append((node, inputs, output))
            _spread(moving, [output])
    return found, moving


def _spread(moving, tensors):
    """Add the tensors and all that is computed from them to the set."""
    stack = list(tensors)
    while stack:
        t = stack.pop()
        if t.ref() not in moving:
            moving.add(t.ref())
            stack.extend(output for op in t.consumers() for output in op.outputs)


class _Adjoints:
    """ā of the tensors `known`, as sums of partial derivatives: none is taken through another."""

    def __init__(self, known):
        self._known = known
        self._bars: dict = {}

    def add(self, y, bar):
        """Add what reaches the known tensors from y, with the adjoint `bar` of y."""
        found = tf.gradients(y, self._known, grad_ys=bar, stop_gradients=self._known)
        for a, a_bar in zip(self._known, found):
            if a_bar is not None:
                a_bar = tf.convert_to_tensor(a_bar)
                self._bars[a.ref()] = self._bars[a.ref()] + a_bar if a.ref() in self._bars else a_bar

    def of(self, a):
        """ā, None for zero."""
        return self._bars.get(a.ref())
