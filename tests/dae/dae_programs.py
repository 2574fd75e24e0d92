"""Small collocated programs of many shapes, for the tests of `pcl.dae`."""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from pcl import MLP
from pcl.collocation import Mesh, gauss, lobatto, radau
from pcl.dae.laws.free_outputs import FreeOutputs
from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.program.elements import Elements
from pcl.dae.program.equations import jump_of, starts_of
from pcl.dae.program.leap import Leap
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.transcription import Transcription


def _wide_equations(v):
    return [v.y * (1.0 + v.x1 ** 2) - v.p - v.z3, v.d("x2") * (1.0 + 0.1 * v.x1 ** 2) + v.x2 - v.z2 * v.y]


WIDE = Model(
    states=("x1", "x2"), algebraic="y", outputs=("z1", "z2", "z3"), parameters=("p", "k"), inputs="u",
    rates=lambda v: {"x1": -v.k * v.x1 + v.z1 * v.y + v.u * tf.sin(v.t)}, equations=_wide_equations,
    path=lambda v: {"fall": v.d("x1") * v.x1 + v.d("x2") * v.z3 - 5.0,
                    "sum": v.x1 + v.y - 9.0 * v.k ** 2},
    bounds={"x1": (-3.0, 3.0), "y": (None, 4.0), "k": (0.1, None), "z2": (-5.0, 5.0)})
PLAIN = Model(states="x", outputs="z", rates=lambda v: {"x": v.z - v.x ** 3})
IMPLICIT = Model(states=("a", "b"), parameters=("p", "q"),
                 equations=lambda v: [v.p * (v.d("a") + 0.1 * v.d("a") ** 3) - v.b + v.a,
                                      v.d("b") + v.q * tf.sin(v.a) * v.b])
TIMED = Model(states="x", algebraic="y", outputs="z", inputs="u",
              rates=lambda v: {"x": -v.x + v.z * v.u}, equations=lambda v: {"y": v.y - v.x * v.z})
OUTPUTS = Model(states=("x1", "x2"), outputs=("z1", "z2"),
                rates=lambda v: {"x1": v.z1 * v.x2 - v.x1, "x2": v.z2 + v.x1 * v.x2},
                path=lambda v: [v.d("x1") * v.x2 - 3.0])


def wide_laws():
    """Two networks that share x1, outputs out of order, an algebraic variable, an input and the time."""
    return [Law(MLP((3, 4, 2)), ("x1", "y", "t"), ("z3", "z1"), 0.1, 1.5, [0.1, 0.2], [0.8, 1.2]),
            Law(MLP((2, 3, 1)), ("u", "x1"), "z2", output_scale=0.7)]


def _one_law(*widths, inputs, outputs):
    return lambda: [Law(MLP(widths), inputs, outputs)]


UNITS = Model(states=("a", "b", "c"), algebraic="y", outputs=("r", "s", "q"), parameters="k", inputs="u",
              rates=lambda v: {"a": v.r * v.b - v.a, "b": v.s * v.q - v.k * v.b, "c": v.q + v.y * v.r},
              equations=lambda v: {"y": v.y - v.s * v.c - v.t})


def _law_at_places():
    """With an input that all places share, one that is data, and a place that takes a variable twice."""
    return [Law(MLP((3, 4, 1)), ("left", "right", "y"), "z", 0.1, 1.5, 0.2, 0.8, places=[
        {"left": "a", "right": "b", "z": "s"}, {"left": "b", "right": "b", "z": "q"},
        {"left": "u", "right": "c", "z": "r"}])]


def _free_laws(elements_points):
    return lambda: [FreeOutputs(elements_points, ("z1", "z2"))]


JUMPING = Model(states=("x1", "x2"), algebraic="y", outputs="z", parameters=("p", "q"), inputs="u",
                rates=lambda v: {"x1": v.z * v.y - v.p * v.x1, "x2": v.x1 ** 2 - v.q * v.x2 * v.u},
                equations=lambda v: {"y": v.y - v.x2 * v.q - tf.sin(v.x1)},
                jumps={"mix": lambda v: {"x2": v.p * v.x1 * v.x2 + v.u * v.y ** 2 + v.d("x1") * v.z},
                       "set": lambda v: {"x1": tf.exp(-v.q) * v.x2 + v.t, "x2": v.x1}})
_COMPUTED = (("x1", lambda p: p.p ** 2 * p.q + p.u),)


def _jumps(elements):
    """A jump of one state, one of both, and a start that follows from the parameters."""
    def leap(rows, states, places, first=False):
        places = np.array(places)
        u = np.linspace(0.3, 0.6, len(places))[:, None]
        return Leap(rows, np.array(states), places, u, 0.5 + u[:, 0], first)
    return (leap(jump_of(elements.model, "mix"), [1], [1, 5]),
            leap(jump_of(elements.model, "set"), [0, 1], [2]),
            leap(starts_of(elements.model, _COMPUTED), [0], [3], True))


# name: (model, laws, scheme, element boundaries of every trajectory, free starts (trajectory, state))
SHAPES = {
    "wide, Radau": (WIDE, wide_laws, radau(2), ([0.0, 0.4, 1.0, 1.3], [0.0, 0.3, 0.5, 0.6, 0.9, 1.5]),
                    ((0, 1), (1, 0))),
    "wide, Gauss": (WIDE, wide_laws, gauss(2), ([0.0, 0.4, 1.0], [0.2, 0.7]), ((1, 1),)),
    "wide, Lobatto": (WIDE, wide_laws, lobatto(3), ([0.0, 0.4], [0.0, 0.3, 0.5]), ((0, 0), (0, 1))),
    "one element, one point": (PLAIN, _one_law(1, 3, 1, inputs="x", outputs="z"), radau(1),
                               ([0.0, 0.5],), ()),
    "one element, Gauss point": (PLAIN, _one_law(1, 3, 1, inputs="x", outputs="z"), gauss(1),
                                 ([0.0, 0.5],), ((0, 0),)),
    "no network": (IMPLICIT, list, radau(3), ([0.0, 0.5, 0.7], [0.0, 1.0]), ((0, 0),)),
    "inputs of the law are data": (TIMED, _one_law(2, 3, 1, inputs=("t", "u"), outputs="z"), lobatto(2),
                                   ([0.0, 0.5, 0.7, 1.0],), ()),
    "law of an algebraic variable": (TIMED, _one_law(1, 3, 1, inputs="y", outputs="z"), radau(2),
                                     ([0.0, 0.5, 0.7, 1.0],), ()),
    "jumps, Radau": (JUMPING, _one_law(2, 3, 1, inputs=("x1", "u"), outputs="z"), radau(2),
                     ([0.0, 0.4, 1.0, 1.3], [0.0, 0.3, 0.5, 0.9]), ((0, 1), (1, 1))),
    "jumps, Gauss": (JUMPING, _one_law(2, 3, 1, inputs=("x1", "u"), outputs="z"), gauss(3),
                     ([0.0, 0.4, 1.0, 1.3], [0.0, 0.3, 0.5, 0.9]), ((1, 1),)),
    "local parameters, Radau": (
        replace(JUMPING, local="q"), _one_law(2, 3, 1, inputs=("x1", "u"), outputs="z"), radau(2),
        ([0.0, 0.4, 1.0, 1.3], [0.0, 0.3, 0.5, 0.9], [0.0, 0.2]), ((0, 1), (1, 1))),
    "a law at places, Radau": (UNITS, _law_at_places, radau(2), ([0.0, 0.4, 1.0, 1.3], [0.0, 0.3]),
                               ((0, 1), (1, 1))),
    "a law at places, Lobatto": (UNITS, _law_at_places, lobatto(3), ([0.0, 0.4, 1.0],), ((0, 1),)),
    "free trajectories": (OUTPUTS, _free_laws(10), radau(2), ([0.0, 0.5, 0.7, 1.0], [0.0, 0.5, 1.0]), ()),
    "no algebraic variables": (OUTPUTS, _one_law(2, 4, 2, inputs=("x2", "x1"), outputs=("z2", "z1")),
                               radau(3), ([0.0, 0.3, 0.5], [0.0, 0.4]), ((0, 0),)),
}


@functools.lru_cache(maxsize=None)
def program(name):
    """The program of a shape with arbitrary data."""
    model, laws, scheme, boundaries, free = SHAPES[name]
    rng, laws = np.random.default_rng(3), laws()
    elements = Elements(model, scheme, [Mesh(times) for times in boundaries])
    fixed, start = np.zeros((2, elements.E, elements.n_x))
    fixed[elements.starts] = 1.0
    for k, i in free:
        fixed[elements.starts[k], i] = 0.0
    start[elements.starts] = rng.normal(size=(len(boundaries), elements.n_x))
    u = rng.normal(size=(elements.E, elements.K, len(model.inputs)))
    penalties = [0.3] + [np.diag(np.full(law.size, 0.2)) + 0.01 for law in laws[1:]]
    leaps = _jumps(elements) if model.jumps else ()
    return Transcription(model, laws, elements, u, fixed.astype(bool), start,
                         observed(elements, rng), penalties[:len(laws)], leaps)


def observed(elements, rng):
    """A misfit with observations of the first state and of the last variable, off the grid and on it."""
    model = elements.model
    names = {model.states[0], (*model.states, *model.algebraic, *model.outputs)[-1]}
    found = []
    for k, mesh in enumerate(elements.meshes):
        for name in sorted(names):
            times = np.sort(rng.uniform(mesh.times[0], mesh.times[-1], 3))
            times[0] = mesh.times[0]
            found.append((k, name, times, rng.normal(size=3), rng.uniform(0.5, 2.0, 3)))
    return Misfit.of(elements, found)


def point(name, seed=0):
    """(x, λ) of moderate size; d_c and d_x come from `diagonals`."""
    rng, p = np.random.default_rng(seed), program(name)
    x = 0.5 * rng.normal(size=p.n)
    n_p = p.elements.parameters.n
    x[p.elements.n - n_p:p.elements.n] = rng.uniform(0.5, 1.5, n_p)
    return x, rng.normal(size=p.m)
