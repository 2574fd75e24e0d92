"""The matrix of a form that is linear in its fields, with a coefficient for each pair of entries."""

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.space.traced import known
from pcl.engine.glue.probe import ROW_ENTRIES
from pcl.nodes.guard import guard
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.structure import Structure
from pcl.support.arrays import scaled_rows
from pcl.support.validate import require_finite


def matrix_of(form):
    """A (n, n) of R(u) = A u + R(0), a `SparseMatrix`, for a form that is linear in u; and its `links`.

        D[k, i, j] = ∂(density i)/∂(quantity entry j) at point k,   A = Σ_k w_k Σ_ij D_kij test_kiᵀ
        trial_kj

    D is what the form returns for unit vectors, so it carries the parameters of the form.

    Raises
    ------
    ValueError
        The form is not linear, or does not depend on its fields.
    """
    asked, at_zero = _at_zero(form)
    linked = links(form, asked)
    blocks, columns = [], []
    for trial in _entries(form.points, asked):
        given = _values(form.points, {trial[:2]: _unit(form.points, *trial)})
        densities = form.densities(given, guarded=False)
        densities = {key: d for key, d in densities.items() if (key, trial[:2]) in linked}
        for key, change in _differences(densities, at_zero).items():
            for i, column in _columns(change):
                blocks.append((trial, (*key, i)))
                columns.append(column)
    values, vanish = known(columns)
    kept = [k for k, gone in enumerate(vanish) if not gone]
    parts = [[k for k in kept if values[k] is not None], [k for k in kept if values[k] is None]]
    if not kept:
        raise ValueError("the form does not depend on its fields, so it has no matrix.")
    matrices = [_matrix(form, [blocks[k] for k in part], [columns[k] if values[k] is None else values[k]
                                                          for k in part]) for part in parts if part]
    return sum(matrices[1:], matrices[0]), linked


def load_of(form):
    """−R(0), (n,), an array where it depends on no parameter."""
    found = list(_at_zero(form)[1].items())
    values, vanish = known([density for _, density in found])
    total = np.zeros(form.space.n)
    for (key, density), value, gone in zip(found, values, vanish):
        scatter = form.points.scatter(*key)
        if value is None and not gone:
            total = total - scatter @ form.guard(*key, density)
        elif not gone:
            require_finite(f"what multiplies the {key[1]} of {key[0]}", value)
            total = total - scatter.matrix @ np.ravel(value)
    return total


def _matrix(form, blocks, columns):
    """That of some blocks, with one coefficient a point and block; all arrays or all tensors."""
    chunks = [slice(k, k + ROW_ENTRIES) for k in range(0, len(blocks), ROW_ENTRIES)]
    matrices = [_chunk(form, blocks[chunk], columns[chunk]) for chunk in chunks]
    return sum(matrices[1:], matrices[0])


def _chunk(form, blocks, columns):
    """Coefficients point by point, so that those of a point are a row of pointwise glue."""
    points = form.points
    structure = points.kept(("matrix", *blocks), lambda: _structure(points, blocks))
    count = len(blocks)

    def place(i):
        field, quantity, _ = blocks[i % count][1]
        return f"what multiplies the {quantity} of {field}, {points.place(i // count)}"
    traced = any(map(tf.is_tensor, columns))
    joined = tf.reshape(tf.stack(columns, 1), [-1]) if traced else np.stack(columns, axis=1).ravel()
    joined = guard(joined, "the matrix of the form", locate=place)
    return SparseMatrix.from_structure(structure, joined, space=form.space)


def _structure(points, blocks):
    """Rows (point, block), each one entry of a quantity with its weight."""
    q = len(points.weights)
    order = np.arange(len(blocks) * q).reshape(-1, q).T.ravel()
    tests = [scaled_rows(_entry_rows(points, *test), points.weights) for _, test in blocks]
    trials = [_entry_rows(points, *trial) for trial, _ in blocks]
    test, trial = (sp.vstack(rows, format="csr")[order] for rows in (tests, trials))
    return Structure(test, trial)


def _entry_rows(points, field, quantity, i):
    """Row k: entry i of a quantity at point k, (q, n)."""
    rows = points.rows(field, quantity)
    return rows[i::rows.shape[0] // len(points.weights)]


def _entries(points, asked):
    """(field, quantity, entry) of all that a form asks for."""
    return [(*key, j) for key in asked for j in range(_size(points, *key))]


def _size(points, field, quantity):
    return int(np.prod(points.shape(field, quantity)[1:]))


def _at_zero(form):
    """The quantities that a form asks for, each once, and its densities where all of them vanish."""
    asked: list = []

    def compute(field, quantity):
        asked.append((field, quantity))
        return tf.zeros(form.points.shape(field, quantity), tf.float64)
    return asked, form.densities(compute, guarded=False)


def _unit(points, field, quantity, j):
    """The quantity with entry j one, at every point."""
    unit = np.zeros((len(points.weights), _size(points, field, quantity)))
    unit[:, j] = 1.0
    return unit.reshape(points.shape(field, quantity))


def _values(points, given):
    """compute(field, quantity): what is given, else zeros."""
    def compute(field, quantity):
        value = given.get((field, quantity))
        return tf.convert_to_tensor(np.zeros(points.shape(field, quantity)) if value is None else value)
    return compute


def _differences(densities, at_zero):
    """k(e_j) − k(0)."""
    gone = dict(zip(at_zero, known(list(at_zero.values()))[1]))
    return {key: density if gone.get(key, True) else density - at_zero[key]
            for key, density in densities.items()}


def _columns(change):
    """(i, entry i at every point) of a density."""
    columns = (tf.reshape if tf.is_tensor(change) else np.reshape)(change, (change.shape[0], -1))
    return [(i, columns[:, i]) for i in range(columns.shape[1])]


def links(form, asked):
    """{(returned, asked)}: which densities depend on which quantities of the fields.

    Raises
    ------
    ValueError
        One of TensorFlow's derivatives depends on the fields itself: the form is not linear.
    """
    rng = np.random.default_rng(0)
    try:
        with tf.GradientTape() as second:
            z, slopes = _slopes(form, asked, rng, second)
            mixed = [tf.reduce_sum(s * rng.uniform(0.5, 1.5, s.shape))
                     for s in slopes.values() if s is not None]
            total = tf.add_n(mixed) if mixed else None
        curved = [] if total is None else second.gradient(total, list(z.values()))
    except LookupError:         # a network or a solve of the fields, which no tape passes when traced
        curved = [np.ones(1)]
    if not all(known([c for c in curved if c is not None])[1]):
        raise ValueError("the form is not linear in its fields, so it has no matrix; use "
                         "fem.solve_nonlinear.")
    return {pair for pair, slope in slopes.items() if slope is not None}


def known_links(form):
    """The same of any form; None where a network or a solve of the fields hides them from a tape."""
    asked, _ = _at_zero(form)
    try:
        slopes = _slopes(form, asked, np.random.default_rng(0))[1]
    except LookupError:
        return None
    return {pair for pair, slope in slopes.items() if slope is not None}


def _slopes(form, asked, rng, outer=None):
    """Random values of what a form asks for, and {(returned, asked): Σ ∂density/∂value, or None}."""
    z = {key: tf.constant(rng.uniform(0.5, 1.5, form.points.shape(*key))) for key in asked}
    if outer is not None:
        outer.watch(list(z.values()))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(list(z.values()))
        totals = {key: tf.reduce_sum(tf.convert_to_tensor(d))
                  for key, d in form.densities(_values(form.points, z), guarded=False).items()}
    return z, {(key, at): tape.gradient(total, z[at]) for key, total in totals.items() for at in z}
