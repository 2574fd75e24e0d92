"""Where the inputs of a law come from: unknowns, known inputs, time."""

import numpy as np

from pcl.support.nearest import nearest


class Inputs:
    """Where the inputs of a law come from.

    Attributes
    ----------
    outputs : int (m,), which outputs of the model
    variable : int (d',), the inputs that are unknowns
    columns : int (d',), where they stand among the arguments
    map : (K·d', width)
    """

    def __init__(self, law, model, elements):
        self._law, self._model = law, model
        self.outputs = np.array([model.outputs.index(name) for name in law.outputs])
        names = (*model.states, *model.algebraic)
        known = (*names, *model.inputs, "t")
        for name in law.inputs:
            if name not in known:
                raise ValueError(f"a law has the input {name!r}; expected one of {', '.join(known)}."
                                 f"{nearest(name, known)}")
        at = elements.arguments
        self.variable = np.array([i for i, name in enumerate(law.inputs) if name in names], dtype=int)
        self.columns = np.array([at.states.start + names.index(law.inputs[i]) for i in self.variable],
                                dtype=int)
        self.map = elements.gather[:, self.columns].reshape(-1, elements.width)

    def unknown(self, slopes):
        """Those (n, d', …) of slopes (n, d, …) that belong to unknowns."""
        return slopes if len(self.variable) == len(self._law.inputs) else slopes[:, self.variable]

    def values(self, a, u, t):
        """The inputs (E·K, d) at the points."""
        if len(self.variable) == len(self._law.inputs):
            return a[:, self.columns]
        columns = []
        for i, name in enumerate(self._law.inputs):
            if i in self.variable:
                columns.append(a[:, self.columns[np.flatnonzero(self.variable == i)[0]]])
            else:
                columns.append(t if name == "t" else u[:, self._model.inputs.index(name)])
        return np.stack(columns, axis=1) if columns else np.zeros((len(a), 0))
