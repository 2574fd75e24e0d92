"""Mesh files read by meshio: the same record of cells and groups as from Gmsh's."""

import contextlib
import io

import numpy as np

from fem.mesh.gmsh import Cells

# Whole numbers of cells that are names in disguise, in the formats that have no names.
_TAGS = ("gmsh:physical", "medit:ref", "cell_tags", "tetgen:ref", "flac3d:group", "ugrid:ref", "su2:tag")
# scikit-fem's own marks of regions (0 or 1) and boundaries (one bit a facet of the cell).
MARK = "skfem"


def read_foreign(path):
    """`Cells` of any file that meshio reads, and our marks {('s' or 'b', name, type): values of cells}.

    Raises
    ------
    ImportError, ValueError
    """
    mesh = _read(path)
    cells: dict[str, list] = {}
    groups: dict[tuple[str, str], list] = {}
    remarks, starts = [], []
    for block in mesh.cells:
        starts.append(sum(map(len, cells.get(block.type, []))))
        cells.setdefault(block.type, []).append(np.asarray(block.data))
    for name, parts in _sets(mesh).items():
        for block, start, rows in zip(mesh.cells, starts, parts):
            if rows is not None and np.size(rows):
                groups.setdefault((name, block.type), []).append(start + np.asarray(rows, dtype=np.int64))
    if mesh.point_sets:
        remarks.append(f"sets of points ({', '.join(map(str, mesh.point_sets))}): a boundary is made of "
                       "facets; name it by mesh.with_boundaries({...})")
    if not groups and (numbers := _whole_numbers(mesh)):
        remarks.append(f"whole numbers of cells ({', '.join(numbers)}): no names are known of them; give "
                       "the mesh cell_sets when it is written, or mesh.with_boundaries({...})")
    marks = {(*key.split(":", 2)[1:], of): np.ravel(values) for key, parts in mesh.cell_data_dict.items()
             if key.startswith(MARK + ":") for of, values in parts.items()}
    read = Cells(mesh.points, {name: np.concatenate(parts) for name, parts in cells.items()},
                 {key: np.unique(np.concatenate(parts)) for key, parts in groups.items()}, remarks)
    return read, marks


def _sets(mesh):
    """{name: rows of each block} from sets of cells, else from their tags."""
    names = {(int(v[1]), int(v[0])): name for name, v in mesh.field_data.items() if np.size(v) == 2}
    result = {name: parts for name, parts in mesh.cell_sets.items() if not name.startswith("gmsh:")}
    for key in _TAGS if not result else ():
        for k, values in enumerate(mesh.cell_data.get(key, ())):
            for tag in np.unique(values[values != 0]):
                name = names.get((mesh.cells[k].dim, int(tag)), f"tag {tag}")
                parts = result.setdefault(name, [None] * len(mesh.cells))
                parts[k] = np.flatnonzero(values == tag)
    return result or _joined(mesh)


def _joined(mesh):
    """{name: rows of each block} from what meshio makes of sets in formats that have none.

    One array of cells, named 'a-b', that holds 0 in the first set, 1 in the second and −1 in no set.
    """
    result = {}
    for key, parts in _integers(mesh).items():
        names, values = key.split("-"), set(np.unique(np.concatenate(parts)).tolist())
        if values - {-1} == set(range(len(names))) and (len(names) > 1 or -1 in values):
            result.update({name: [np.flatnonzero(part == k) for part in parts]
                           for k, name in enumerate(names)})
    return result


def _integers(mesh):
    """{name: values of each block}, of the data of cells that are whole numbers and no marks of ours."""
    data = {key: [np.asarray(part) for part in parts] for key, parts in mesh.cell_data.items()}
    return {key: parts for key, parts in data.items() if ":" not in key and all(
        part.ndim == 1 and np.issubdtype(part.dtype, np.integer) for part in parts)}


def _whole_numbers(mesh):
    """Names of such data, where the file also holds facets, which they might name."""
    dims = {block.dim for block in mesh.cells}
    return sorted(_integers(mesh)) if max(dims, default=0) - 1 in dims else []


def _read(path):
    try:
        import meshio
    except ImportError as error:
        raise ImportError("read_mesh needs meshio for this file: pip install meshio.") from error
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return meshio.read(path)
    except (Exception, SystemExit) as error:  # its readers stop in many ways, some by sys.exit
        reason = " ".join(said.getvalue().split()) or f"{type(error).__name__}: {error}"
        raise ValueError(f"meshio cannot read it: {reason}") from error
