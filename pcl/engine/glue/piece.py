"""Glue between nodes: a piece of the traced graph, with its first and second derivatives.

Between nodes a model is mostly pointwise (a slice, a shift, an exponential, a product of two
fields): such a Jacobian or Hessian is found by `probe`. What is not pointwise becomes an explicit matrix
where one side is short, and otherwise an operator that is applied product by product.
"""

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.glue.probe import ZERO, entry, explicit, probe, random_like, same, selection
from pcl.engine.second.constants import CONSTANTS
from pcl.engine.second.tangent import diagonal_matrix, total
from pcl.support.sparse import times_transposed


class Piece:
    """a = g(x_d for d in deps): some tensors of the graph as functions of its variables.

    Attributes
    ----------
    deps : list of int
        Numbers of the variables that the outputs depend on.

    With `scalar` the one output is an objective: its adjoint is 1 and `bars` are left out.
    """

    def __init__(self, graph, outputs, scalar=False):
        self.outputs = list(outputs)
        self._glue, self.deps, self._constants = graph.glue(self.outputs, scalar)
        # Where the outputs are affine, once found: [{d: J_d}, …], and a₀ of each, () where not.
        self._constant_jacobian: Any = None
        self._offsets: Any = None
        self._constant_curvature = None
        self._scalar = scalar

    def value(self, values):
        """The outputs, given the values of all variables."""
        if not self.outputs:
            return []
        if self._is_affine(values):
            return [self._affine(o, values) for o in range(len(self.outputs))]
        return self._glue.value(self._at(values), self._constants)

    def value_and_gradient(self, values):
        """The value of an objective and {d: its derivative in x_d}, in one call of TensorFlow."""
        value, *gradients = self._glue.value_and_gradient(self._at(values), self._constants)
        return value, dict(zip(self.deps, gradients))

    def pullback(self, values, bars=()):
        """{d: (∂a/∂x_d)ᵀ ā}."""
        if not self.outputs:
            return {}
        if self._is_affine(values):
            return self._affine_pullback(values, bars)
        return self._traced_pullback(values, bars)

    def _traced_pullback(self, values, bars):
        return dict(zip(self.deps, self._glue.pullback(self._at(values), self._constants, bars)))

    # --- affine glue, without TensorFlow ----------------------------------------------------
    def _is_affine(self, values):
        """Whether a = Σ_d J_d x_d + a₀ with constant sparse J_d, which are found when first asked."""
        if self._offsets is None:
            self._offsets = self._found_offsets(values) if self.deps and self._glue.is_affine else ()
        return bool(self._offsets)

    def _found_offsets(self, values):
        """a₀ of each output; none of them where a J_d is not sparse."""
        factors = [L for jacobian in self.jacobian(values) for L in jacobian.values()]
        if self._constant_jacobian is None or not all(sp.issparse(L) for L in factors):
            return ()
        at_zero = {d: np.zeros(values[d].shape) for d in self.deps}
        return tuple(self._glue.value(self._at(at_zero), self._constants))

    def _affine(self, o, values):
        result = self._offsets[o].copy()
        for d, L in self._constant_jacobian[o].items():
            result += (L @ values[d].ravel()).reshape(result.shape)
        return result

    def _affine_pullback(self, values, bars):
        result: dict = {}
        for jacobian, bar in zip(self._constant_jacobian, bars):
            for d, L in jacobian.items():
                term = times_transposed(L, bar.ravel()).reshape(values[d].shape)
                result[d] = result[d] + term if d in result else term
        return result

    def _at(self, values):
        return [values[d] for d in self.deps]

    def _shapes(self, values):
        """Shapes of the outputs; where TensorFlow does not know them they may change with x."""
        if all(t.shape.is_fully_defined() for t in self.outputs):
            return [tuple(t.shape) for t in self.outputs]
        return [a.shape for a in self._glue.value(self._at(values), self._constants)]

    # --- tangents ------------------------------------------------------------------------------
    def jacobian(self, values, moving=None):
        """One dict {d: ∂a_o/∂x_d as a factor} for each output o; only d in `moving`, if given, matter."""
        if not self.outputs:
            return []
        if self._constant_jacobian is not None:
            return self._constant_jacobian
        if not self._glue.is_affine:
            return self._probe_jacobian(values, self.deps if moving is None else moving)
        self._constant_jacobian = [{d: CONSTANTS.add(L) for d, L in of_output.items()}
                                   for of_output in self._probe_jacobian(values, self.deps)]
        return self._constant_jacobian

    def _probe_jacobian(self, values, moving):
        jacobian: list[dict] = [{} for _ in self.outputs]
        all_shapes = self._shapes(values)
        for i, d in enumerate(self.deps):
            if d not in moving:
                continue
            outputs = [o for o in range(len(self.outputs)) if self._glue.connected(o, i)]
            shapes = [all_shapes[o] for o in outputs]
            pushforward = functools.partial(self._pushforward, values, d)
            if all(self._glue.is_pointwise(o, i) for o in outputs):
                ones, = pushforward([np.ones(values[d].shape)])
                for o in outputs:
                    if np.any(ones[o]):
                        jacobian[o][d] = diagonal_matrix(ones[o].ravel())
                continue
            for o, shape, block in zip(outputs, shapes, probe(pushforward, outputs, values[d], shapes)):
                one = entry(pushforward, o)
                if block is None:
                    block = selection(one, shape, values[d])
                if block is None:
                    pullback = functools.partial(self._pullback_in, values, d, o)
                    block = explicit(one, pullback, shape, values[d].shape)
                if block is not ZERO:
                    jacobian[o][d] = block
        return jacobian

    def _pushforward(self, values, d, tangents):
        """All outputs' tangents for each of the tangents of variable d."""
        shapes = self._shapes(values)
        results = self._glue.pushforward(self._at(values), self._constants, self.deps.index(d), tangents,
                                         shapes)
        return [[np.zeros(shape) if t is None else t for shape, t in zip(shapes, result)]
                for result in results]

    def _pullback_in(self, values, d, o, bar):
        bars = [bar if i == o else np.zeros(shape) for i, shape in enumerate(self._shapes(values))]
        return self._traced_pullback(values, bars)[d]       # asked before J is known to be constant

    def tangents(self, values, tangents):
        """The tangents of the outputs from those of the variables, None where nothing moves."""
        return [total([tangents[d].left(L) for d, L in jacobian.items() if d in tangents])
                for jacobian in self.jacobian(values, tangents)]

    # --- curvature ----------------------------------------------------------------------------
    def add_curvature(self, plan, values, bars, tangents):
        """Add ⟨ā, g⟩'' between the tangents of the variables to the plan."""
        for (d, e), block in self.curvature(values, bars, tangents).items():
            if d in tangents and e in tangents:
                if d == e:
                    plan.add_square(tangents[d], block)
                else:
                    plan.add_mixed(tangents[d], block, tangents[e])

    def curvature(self, values, bars=(), moving=None):
        """{(d, e): ∂²⟨ā, g⟩/∂x_d∂x_e as a factor}, one of (d, e) and (e, d), zero blocks left out.

        Only d and e in `moving`, if given, matter.
        """
        if not self.outputs or self._glue.is_linear:
            return {}
        if self._constant_curvature is not None:
            return self._constant_curvature
        if not self._glue.has_constant_curvature:
            return self._probe_curvature(values, bars, self._moving(moving))
        self._constant_curvature = self._probe_curvature(values, bars, self.deps)
        return self._constant_curvature

    def _moving(self, moving):
        return self.deps if moving is None else [d for d in self.deps if d in moving]

    def _probe_curvature(self, values, bars, moving):
        blocks = self._separable_curvature(values, bars, moving)
        if blocks is not None:
            return blocks
        blocks = {}
        for j, e in enumerate(moving):
            targets = moving[:j + 1]
            shapes = [values[d].shape for d in targets]
            product = functools.partial(self._curvature_product, values, bars, e)
            for d, shape, block in zip(targets, shapes, probe(product, targets, values[e], shapes)):
                if block is None:
                    back = functools.partial(self._curvature_product, values, bars, d)
                    block = explicit(entry(product, d), entry(back, e), shape, values[e].shape)
                if block is not ZERO:
                    blocks[d, e] = block
        return blocks

    def _separable_curvature(self, values, bars, moving):
        """The blocks if the Hessian is one diagonal over all entries of all deps, else None."""
        rng = np.random.default_rng(0)
        random = {d: random_like(rng, values[d]) for d in moving}
        ones = [np.ones(values[d].shape) for d in moving]
        diagonal, product = self._curvature_products(values, bars, moving, [ones, list(random.values())])
        if not all(same(product[d], diagonal[d] * random[d]) for d in moving):
            return None
        return {(d, d): diagonal_matrix(diagonal[d].ravel()) for d in moving if np.any(diagonal[d])}

    def _curvature_product(self, values, bars, e, tangents):
        """∂²⟨ā, g⟩/∂x∂x_e ẋ_e for each of the tangents of variable e."""
        return self._curvature_products(values, bars, [e], [[t] for t in tangents])

    def _curvature_products(self, values, bars, moving, tangents):
        """{d: Σ_e ∂²⟨ā, g⟩/∂x_d∂x_e ẋ_e} for each list of tangents, one of each variable in `moving`."""
        moving = tuple(self.deps.index(d) for d in moving)
        results = self._glue.curvature(self._at(values), self._constants, bars, moving, tangents)
        return [{d: np.zeros(values[d].shape) if h is None else h for d, h in zip(self.deps, result)}
                for result in results]
