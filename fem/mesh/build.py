"""Meshes from arrays and simple shapes."""

import numpy as np
import skfem

from fem.mesh.check import check_arrays
from fem.mesh.nodes import CURVED
from fem.mesh.second_order import curved, second_order_mesh
from pcl.support.nearest import nearest
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_integer, positive_number

# Names of the ends of x, y and z.
SIDES = (("left", "right"), ("bottom", "top"), ("front", "back"))

KINDS = {"line": skfem.mesh.MeshLine1, "tri": skfem.MeshTri, "quad": skfem.MeshQuad,
         "tet": skfem.MeshTet, "hex": skfem.MeshHex,
         "tri6": skfem.MeshTri2, "quad9": skfem.MeshQuad2, "tet10": skfem.MeshTet2,
         "hex27": skfem.MeshHex2}


def mesh_from_arrays(kind: str, points: ArrayLike, cells: ArrayLike) -> skfem.Mesh:
    """A scikit-fem mesh from raw arrays, checked before scikit-fem can convert them.

    scikit-fem cuts fractions off node numbers and counts −1 from the end; here both are refused.

    Parameters
    ----------
    kind : 'line', 'tri', 'quad', 'tet' or 'hex', curved: 'tri6', 'quad9', 'tet10' or 'hex27'
    points : (dim, n) real numbers
    cells : (nodes of a cell, n_cells) whole numbers
        In the order of the points of scikit-fem's element (its `doflocs`): vertices, then nodes of
        edges: of triangles 01, 12, 02; of quadrilaterals 01, 12, 23, 30 and the centre; of tetrahedra
        01, 12, 02, 03, 13, 23, as in VTK. Only hexahedra differ from VTK.

    Returns
    -------
    skfem.Mesh. One of second order has its vertices first, so that nodes change their numbers.

    Raises
    ------
    ValueError, IndexError
        Wrong or transposed shapes, no cells, fractional or unknown node numbers, coordinates that
        are not finite, repeated vertices, an edge whose two cells place its node differently.

    Examples
    --------
    Two triangles that share a side:

    >>> import fem
    >>> mesh = fem.mesh_from_arrays("tri", [[0, 1, 0, 1], [0, 0, 1, 1]], [[0, 1], [1, 3], [2, 2]])
    >>> mesh.p.shape, mesh.t.shape
    ((2, 4), (3, 2))
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; known are {', '.join(KINDS)}.{nearest(kind, KINDS)}")
    points = float64_array("points", points, finite=False)
    cells = np.asarray(cells)
    check_arrays(points, cells, KINDS[kind].elem.refdom, len(KINDS[kind].elem.doflocs))
    if KINDS[kind] in CURVED:
        return second_order_mesh(KINDS[kind], points, cells)
    return KINDS[kind](points, cells.astype(np.int32))


def interval(n: int, lower: float = 0.0, upper: float = 1.0) -> skfem.MeshLine:
    """n equal intervals on (lower, upper), with the boundaries 'left' and 'right'.

    Parameters
    ----------
    n : int
        Intervals.
    lower, upper : float
        Ends.

    Returns
    -------
    skfem.MeshLine

    Raises
    ------
    ValueError
        n is no whole number ≥ 1, or upper ≤ lower.

    Examples
    --------
    −u'' = 1 between two zeros, highest in the middle.

    >>> import fem
    >>> V = fem.Space(fem.interval(20), "P1")
    >>> u = fem.solve(V.laplace(), V.load(1.0), dirichlet={"left": 0.0, "right": 0.0})
    >>> print(f"{max(u):.3f}")
    0.125
    """
    n = positive_integer("n", n)
    lower, upper = _corners([lower], [upper])
    return _with_sides(skfem.MeshLine(np.linspace(lower[0], upper[0], n + 1)), lower, upper)


def box(nx: int, ny: int, nz: int, lower: ArrayLike = (0.0, 0.0, 0.0),
        upper: ArrayLike = (1.0, 1.0, 1.0)) -> skfem.MeshTet:
    """nx × ny × nz × 6 tetrahedra; boundaries 'left', 'right' (ends of x), 'bottom', 'top' (of y),
    'front', 'back' (of z), as of a `fem.Grid`.

    Parameters
    ----------
    nx, ny, nz : int
        Intervals along x, y and z.
    lower, upper : (3,)
        Corners of the box.

    Returns
    -------
    skfem.MeshTet

    Raises
    ------
    ValueError
        No whole numbers ≥ 1, or upper ≤ lower in a coordinate.

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.box(4, 4, 2, upper=(1.0, 1.0, 0.5)), "P1")
    >>> V.n, round(float(V.boundary_weights("back").sum()), 3)
    (75, 1.0)
    """
    counts = [positive_integer(name, n) for name, n in (("nx", nx), ("ny", ny), ("nz", nz))]
    lower, upper = _corners(lower, upper, 3)
    axes = [np.linspace(a, b, n + 1) for a, b, n in zip(lower, upper, counts)]
    return _with_sides(skfem.MeshTet.init_tensor(*axes), lower, upper)


def rectangle(nx: int, ny: int, lower: ArrayLike = (0.0, 0.0),
              upper: ArrayLike = (1.0, 1.0)) -> skfem.MeshTri:
    """nx × ny × 2 triangles; each diagonal runs from the lower right to the upper left.

        (i, j+1) ─ (i+1, j+1)        node (i, j) has number j (nx + 1) + i
            │    ╲     │             boundaries 'left', 'right', 'bottom', 'top'
        (i, j)  ── (i+1, j)

    Parameters
    ----------
    nx, ny : int
        Intervals along x and y.
    lower, upper : (2,)
        Corners of the rectangle.

    Returns
    -------
    skfem.MeshTri

    Raises
    ------
    ValueError
        nx or ny below 1, a corner that is no finite (2,), upper not above lower.

    Examples
    --------
    >>> import fem
    >>> mesh = fem.rectangle(4, 2, upper=(2.0, 1.0))
    >>> mesh.p.shape[1], mesh.t.shape[1], sorted(mesh.boundaries)
    (15, 16, ['bottom', 'left', 'right', 'top'])
    """
    nx, ny = positive_integer("nx", nx), positive_integer("ny", ny)
    lower, upper = _corners(lower, upper, 2)
    x, y = np.meshgrid(np.linspace(lower[0], upper[0], nx + 1),
                       np.linspace(lower[1], upper[1], ny + 1))
    number = np.arange((nx + 1) * (ny + 1), dtype=np.int32).reshape(ny + 1, nx + 1)
    a, b = number[:-1, :-1].ravel(), number[:-1, 1:].ravel()          # lower left, lower right
    c, d = number[1:, :-1].ravel(), number[1:, 1:].ravel()            # upper left, upper right
    cells = np.stack([np.stack([a, b, c]), np.stack([b, c, d])], axis=2).reshape(3, -1)
    return _with_sides(skfem.MeshTri(np.stack([x.ravel(), y.ravel()]), cells), lower, upper)


def _corners(lower, upper, dim=1):
    """Both as arrays (dim,), refused unless upper > lower."""
    lower = float64_array("lower", lower, shape=(dim,))
    upper = float64_array("upper", upper, shape=(dim,))
    if (upper <= lower).any():
        raise ValueError(f"upper is {tuple(upper.tolist())} and lower {tuple(lower.tolist())}; "
                         "expected upper > lower in every coordinate.")
    return lower, upper


def _with_sides(mesh, lower, upper):
    """The mesh with its sides named, the ends of each coordinate."""
    return mesh.with_boundaries({
        name: np.flatnonzero((mesh.p[d, mesh.facets] == ends[d]).all(axis=0))
        for d in range(len(lower)) for name, ends in zip(SIDES[d], (lower, upper))})


def unit_square(n: int) -> skfem.MeshTri:
    """n × n × 2 triangles on (0, 1)², see `rectangle`.

    Parameters
    ----------
    n : int
        Intervals along x and along y.

    Returns
    -------
    skfem.MeshTri
        With boundaries 'left', 'right', 'bottom', 'top'.

    Raises
    ------
    ValueError
        n is below 1.

    Examples
    --------
    >>> import fem
    >>> mesh = fem.unit_square(2)
    >>> mesh.p.shape[1], mesh.t.shape[1]
    (9, 8)
    """
    return rectangle(n, n)


def disk(n: int, radius: float = 1.0, centre: ArrayLike = (0.0, 0.0), order: int = 2) -> skfem.Mesh:
    """6 n² triangles on a disk, in n rings; boundary 'circle'.

    Ring k holds 6k nodes at the distance k·radius/n. With order 2 the edges on the circle are parabolas
    through its points, which keeps the order of P2 (3 in L²); with order 1 they are chords, and P2 has
    order 2.

    Parameters
    ----------
    n : int
        Rings.
    radius, centre : float, (2,)
    order : 1 or 2

    Returns
    -------
    skfem.MeshTri2, or MeshTri with order 1

    Raises
    ------
    ValueError
        n below 1, radius not positive, another order, a centre that is no finite (2,).

    Examples
    --------
    The area π of the unit disk, with parabolas and with chords:

    >>> import fem
    >>> for order in (2, 1):
    ...     V = fem.Space(fem.disk(4, order=order), "P1")
    ...     print(round(V.quadrature_weights.sum(), 4))
    3.1416
    3.1058
    """
    n, radius = positive_integer("n", n), positive_number("radius", radius)
    centre = float64_array("centre", centre, shape=(2,))
    positive_integer("order", order, maximum=2)
    ring = np.repeat(np.arange(n + 1), [1, *(6 * np.arange(1, n + 1))])
    first = np.concatenate([[0], 1 + 3 * np.arange(n + 1) * np.arange(1, n + 2)])      # of each ring
    angle = 2 * np.pi * (np.arange(len(ring)) - first[ring]) / np.maximum(6 * ring, 1)
    points = centre[:, None] + radius / n * ring * np.stack([np.cos(angle), np.sin(angle)])
    mesh = skfem.MeshTri(points, np.hstack([_ring_cells(k, first) for k in range(1, n + 1)]))
    mesh = mesh.with_boundaries({"circle": mesh.boundary_facets()})
    if order == 1:
        return mesh

    def onto(x):
        away = x - centre
        return centre + radius * away / np.linalg.norm(away, axis=1)[:, None]
    return curved(mesh, onto)


def _ring_cells(k, first):
    """The 6 (2k − 1) triangles between rings k − 1 and k, (3, count)."""
    outer, inner = np.arange(6 * k), np.arange(6 * (k - 1))
    sector, place = np.divmod(outer, k)
    below = (sector * (k - 1) + place) % max(6 * (k - 1), 1)              # inner node of the same sector
    out = [first[k] + outer, first[k] + (outer + 1) % (6 * k), first[k - 1] + below]
    sector, place = np.divmod(inner, max(k - 1, 1))
    above = sector * k + place + 1
    into = [first[k - 1] + inner, first[k - 1] + (inner + 1) % max(len(inner), 1),
            first[k] + above % (6 * k)]
    return np.hstack([np.array(out), np.array(into)])
