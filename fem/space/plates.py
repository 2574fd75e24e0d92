"""Plates of triangles whose slopes jump: second derivatives that are those of the cells alone."""

import warnings

import skfem

# Values agree across edges, normal slopes and their means do not. Measured on a supported square plate of
# unit deflection: an error of 0.22 on every mesh, where Morley's, whose mean slopes agree, has order two.
_KINKED = (skfem.ElementTriHermite,)


def may_have_kinks(space):
    """Whether a space has such a field."""
    return any(isinstance(f.element, _KINKED) for f in space.fields.values())


def warn_of_kinks(space, linked, stacklevel=4):
    """Warn of ∫ κ(w):κ(v) dx of cubic Hermite triangles, which are no functions of bounded curvature.

    Parameters
    ----------
    linked : {((field, quantity) returned, (field, quantity) asked)}
        Which densities depend on which quantities.

    Warns
    -----
    RuntimeWarning
    """
    bent = {test[0] for test, trial in linked if test == trial == (test[0], "hessian")}
    for name in sorted(bent):
        if isinstance(space.fields[name].element, _KINKED):
            warnings.warn(
                f"Field {name!r} is of Hermite triangles, whose slopes jump across edges: a plate "
                "(second derivatives of the function and of its test function) does not converge with "
                "them. Take 'Argyris' or 'Morley' for it.", RuntimeWarning, stacklevel=stacklevel)
