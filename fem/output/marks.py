"""Names of regions and boundaries as whole numbers of cells, as scikit-fem writes and reads them."""

import numpy as np


def name_marks(mesh, facets):
    """{'skfem:s:region': 0 or 1 a cell, 'skfem:b:boundary': one bit a local facet}, (n_cells,) each."""
    result = {}
    for name, cells in (mesh.subdomains or {}).items():
        inside = np.zeros(mesh.t.shape[1], dtype=np.int64)
        inside[cells] = 1
        result[f"skfem:s:{name}"] = inside
    for name, numbers in (mesh.boundaries or {}).items():
        bits = np.zeros(mesh.t.shape[1], dtype=np.int64)
        local, cell = np.divmod(facets.first[np.asarray(numbers)], facets.n_cells)
        np.bitwise_or.at(bits, cell, 1 << local)
        result[f"skfem:b:{name}"] = bits
    return result
