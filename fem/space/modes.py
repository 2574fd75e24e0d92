"""The null space of a singular system in words of its fields: constants, rigid motions, pressures."""

import numpy as np

from fem.space.pairs import equal_order
from fem.space.ties import rigid

# A part of a null vector below this share of the whole is rounding; a fit to it leaves as much.
_NOTHING, _FIT = 1e-7, 1e-5


def name_null(space, null):
    """A sentence on null vectors u (n, r): which field, and which mode of it; None if none is known.

    Parameters
    ----------
    space : Space
    null : (n, r), linearly independent
    """
    said = [_of_field(space, field, null) for field in space.fields.values()]
    said = [words for words in said if words]
    return " ".join(said) if said else None


def _of_field(space, field, null):
    part = null[field.start:field.start + field.n]
    U, sizes, _ = np.linalg.svd(part, full_matrices=False)
    moved = U[:, sizes > _NOTHING]
    if not moved.shape[1]:
        return ""
    rows = space.cells.rows(field.name, "value")[:, field.start:field.start + field.n]
    values = np.asarray(rows @ moved)                                       # (q · entries, r)
    modes, names = _modes(space, field)
    found = np.linalg.lstsq(modes, values, rcond=None)[0]
    left = np.linalg.norm(values - modes @ found)
    if left > _FIT * np.linalg.norm(values):
        return _unknown(space, field, values)
    if np.linalg.norm(found[1:]) <= _FIT * np.linalg.norm(found) and not field.shape:
        return (f"the level of field {field.name!r} is held by no condition: constants are in the null "
                f"space. Prescribe it at one place, or its mean value by constraints="
                f"V.mean_value(0.0, {field.name!r}).")
    return (f"field {field.name!r} is not held: {_motions(found, names)} in the null space. Add "
            f"Dirichlet values, or keep {_keeper(space, field)}.")


def _keeper(space, field):
    if not field.shape:
        return "three points of a plate, or more of its edge"
    if field.shape == (space.dim,) and space.dim > 1:
        return f"rigid motions out by constraints=V.rigid_motions({field.name!r})"
    return f"its mean value by constraints=V.mean_value(0.0, {field.name!r})"


def _modes(space, field):
    """Modes at the quadrature points (q · entries, k), and their names."""
    q, entries = len(space.quadrature_weights), int(np.prod(field.shape))
    if field.shape == (space.dim,) and space.dim > 1:
        modes = rigid(space.quadrature_points)
        turns = ["the rotation"] if space.dim == 2 else [f"the rotation about {a}" for a in "zxy"]
        moves = [f"the translation along {a}" for a in "xyz"[:entries]]
        return modes.reshape(q * entries, -1), moves + turns
    if "hessian" in field.quantities.shapes and not field.shape:            # a plate
        modes = np.column_stack([np.ones(q), space.quadrature_points])
        return modes, ["the constant", *(f"the slope along {a}" for a in "xyz"[:space.dim])]
    names = [f"the constant in component {i}" for i in range(entries)]
    return np.tile(np.eye(entries), (q, 1)), names


def _motions(found, names):
    """What is spanned by combinations (k, r) of named modes."""
    basis = np.linalg.qr(found)[0]
    inside = np.linalg.norm(basis, axis=1) > 1.0 - _FIT
    if inside.sum() == basis.shape[1]:
        chosen = [name for name, yes in zip(names, inside) if yes]
        return f"{', '.join(chosen)} {'is' if len(chosen) == 1 else 'are'}"
    used = [name for name, size in zip(names, np.abs(basis).max(axis=1)) if size > _FIT]
    count = basis.shape[1]
    number, verb = ("a combination", "is") if count == 1 else (f"{count} combinations", "are")
    return f"{number} of {', '.join(used)} {verb}"


def _unknown(space, field, values):
    """Of modes that are neither constants nor rigid motions."""
    size = np.linalg.norm(values, axis=1)
    point = space.quadrature_points[np.argmax(size) // int(np.prod(field.shape))]
    place = ", ".join(f"{x:.4g}" for x in point)
    count = values.shape[1]
    modes, verb = ("a mode", "is") if count == 1 else (f"{count} modes", "are")
    said = (f"field {field.name!r} is not determined: {modes} of it, largest near ({place}), {verb} in "
            "the null space.")
    return " ".join([said, *(pair.sentence for pair in equal_order(space) if pair.scalar == field.name)])
