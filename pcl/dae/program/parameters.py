"""Where the parameters of the experiments stand: one for all, or one each.

    P = (p₁, …) with one entry for a shared parameter, one an experiment for a `local` one
"""

import numpy as np


class Parameters:
    """The vector P (n,) of all parameters of a program.

    Parameters
    ----------
    model : Model
    experiments : int, how many there are

    Attributes
    ----------
    names : tuple (n,), the parameter of each entry
    experiment : int (n,), whose it is; −1 of shared ones
    places : int (experiments, n_p), entries of the parameters of each experiment
    """

    def __init__(self, model, experiments):
        names: list[str] = []
        whose: list[int] = []
        places = []
        for name in model.parameters:
            own = list(range(experiments)) if name in model.local else [-1]
            places.append(len(names) + np.arange(len(own)) if name in model.local
                          else np.full(experiments, len(names)))
            names += [name] * len(own)
            whose += own
        self.names, self.experiment = tuple(names), np.array(whose, dtype=int)
        self.places = np.array(places, dtype=int).reshape(-1, experiments).T
        self.n = len(names)

    def labels(self, experiments):
        """"k", or "k[a]" of the experiment a; (n,) for these names of the experiments."""
        return tuple(name if k < 0 else f"{name}[{experiments[k]}]"
                     for name, k in zip(self.names, self.experiment))

    def added(self, values, experiment, out):
        """Add values (m, n_p, …) of parameters of experiments (m,) to their entries in out (n, …)."""
        np.add.at(out, self.places[experiment], values)
        return out
