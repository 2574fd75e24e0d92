"""A traced loss evaluated at one θ: values forward, adjoints backward."""

import functools

import numpy as np

from pcl import factor
from pcl.errors import NotFinite, TrialFailure
from pcl.plan import LeafBase, Plan
from pcl.tangent import Identity, total
from pcl.trace import Constant, Direct


class Record:
    """v_k = F_k(g_k(θ, v)) for every node, kept together with the factorisations.

    Attributes
    ----------
    value : float
        ℓ(θ, v).
    """

    def __init__(self, program, blocks, factors):
        self.program, self._factors = program, factors
        self.values = [np.asarray(b) for b in blocks]
        self.points = []
        with factor.using(factors):
            factors.new_evaluation()
            for call in program.calls:
                self._evaluate(call)
        self.value = float(program.loss.value(self.values)[0])
        if np.isnan(self.value):
            raise NotFinite("the loss is NaN; a logarithm, root or division in the loss left its domain.")

    def _evaluate(self, call):
        glue = call.segment.value(self.values)
        inputs = [_input_value(i, glue, self.values) for i in call.inputs]
        try:
            point = call.node.evaluate(*inputs)
        except TrialFailure as failure:
            failure.add_note(f"raised by node {len(self.points)} of the loss, {type(call.node).__name__}")
            raise
        self.points.append(point)
        self.values.append(point.value)

    # --- first order ---------------------------------------------------------------------
    @functools.cached_property
    def _adjoints(self):
        """Adjoints of all variables and, call by call, of the inputs: one reverse sweep."""
        bars = [None] * len(self.values)
        _accumulate(bars, self.program.loss.pullback(self.values))
        return bars, self._reverse(bars)

    def _reverse(self, bars):
        """Pull `bars` back through all nodes, in place; returns the input adjoints of each call."""
        inputs = [None] * len(self.points)
        with factor.using(self._factors):
            for k in reversed(range(len(self.points))):
                call, bar = self.program.calls[k], bars[self.program.calls[k].output]
                if bar is not None:
                    wanted = [not isinstance(i, Constant) for i in call.inputs]
                    inputs[k] = self.points[k].pullback(bar, wanted)
                    self._pull_glue(call, inputs[k], bars)
        return inputs

    def _pull_glue(self, call, input_bars, bars):
        glue = []
        for described, bar in zip(call.inputs, input_bars):
            if isinstance(described, Direct):
                _accumulate(bars, {described.variable: bar})
            elif not isinstance(described, Constant):
                glue.append(bar)
        _accumulate(bars, call.segment.pullback(self.values, glue))

    @functools.cached_property
    def gradient(self):
        """dℓ/dθ by one reverse sweep, flat."""
        return self._flat(self._adjoints[0])

    def pullback_residuals(self, bar):
        """(dr/dθ)ᵀ r̄, flat, for the residuals r."""
        bars = [None] * len(self.values)
        _accumulate(bars, self.program.residuals.pullback(self.values, [bar]))
        self._reverse(bars)
        return self._flat(bars)

    def _flat(self, bars):
        blocks = range(self.program.n_blocks)
        return np.concatenate([np.zeros(self.values[i].size) if bars[i] is None else bars[i].ravel()
                               for i in blocks])

    @property
    def residuals(self):
        """r(θ, v), flat."""
        return self.program.residuals.value(self.values)[0].ravel()

    # --- second order -----------------------------------------------------------------------
    @functools.cached_property
    def plan(self):
        """The Lagrangian's second derivatives and the chain of sensitivities, nothing multiplied."""
        return self._extend(self._adjoints)[0]

    @functools.cached_property
    def residual_plan(self):
        """The chain of sensitivities up to the residuals, and their tangent."""
        no_adjoints = [None] * len(self.values), [None] * len(self.points)
        plan, tangents = self._extend(no_adjoints)
        jacobian, = self.program.residuals.jacobian(self.values)
        return plan, self._tangent_of(jacobian, tangents)

    def _extend(self, adjoints):
        bars, input_bars = adjoints
        plan, tangents = self._leaves()
        with factor.using(self._factors):
            for call, point, bars_in in zip(self.program.calls, self.points, input_bars):
                tangents.append(self._extend_call(plan, tangents, call, point, bars[call.output], bars_in))
        if any(bar is not None for bar in bars):
            self._add_glue(plan, tangents, self.program.loss, ())
        return plan, tangents

    def _leaves(self):
        sizes = [v.size for v in self.values[:self.program.n_blocks]]
        plan = Plan(sum(sizes))
        ends = np.cumsum(sizes)
        return plan, [plan.add_base(LeafBase(int(e - n), int(e))) for n, e in zip(sizes, ends)]

    def _extend_call(self, plan, tangents, call, point, bar, bars_in):
        jacobian = call.segment.jacobian(self.values)
        inputs = [_input_tangent(i, jacobian, tangents) for i in call.inputs]
        if all(t is None for t in inputs):
            return None
        bar = np.zeros(point.value.shape) if bar is None else bar
        if bars_in is not None:
            glue = [b for i, b in zip(call.inputs, bars_in) if not isinstance(i, (Constant, Direct))]
            self._add_glue(plan, tangents, call.segment, glue)
        return point.extend(plan, inputs, bar)

    def _add_glue(self, plan, tangents, segment, bars):
        for (d, e), block in segment.curvature(self.values, bars).items():
            if tangents[d] is None or tangents[e] is None:
                continue
            if d == e:
                plan.add_square(tangents[d], block)
            else:
                plan.add_mixed(tangents[d], block, tangents[e])

    def _tangent_of(self, jacobian, tangents):
        return total([tangents[d].left(L) for d, L in jacobian.items() if tangents[d] is not None])


def _input_value(described, glue, values):
    if isinstance(described, Constant):
        return described.value
    if isinstance(described, Direct):
        return values[described.variable]
    return glue[described.position]


def _input_tangent(described, jacobian, tangents):
    if isinstance(described, Constant):
        return None
    if isinstance(described, Direct):
        return tangents[described.variable]
    return total([tangents[d].left(L) for d, L in jacobian[described.position].items()
                  if tangents[d] is not None])


def _accumulate(bars, new):
    for d, bar in new.items():
        if bar is not None:
            bars[d] = bar if bars[d] is None else bars[d] + bar
