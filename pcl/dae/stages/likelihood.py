"""The last main solve of a fit with noise models: the densities themselves, from the sums of squares."""

import numpy as np

from pcl.dae.program.density import short
from pcl.dae.program.log_scale import natural
from pcl.dae.stages.densities import LEAST, fitted, likely
from pcl.dae.stages.solves import Search

_AT = 0.01          # distance of a logarithm from its bound that counts as none


def with_likelihood(search, solve, data, densities, penalties=None):
    """(`Search`, note): its best minimises −2 log p(readings), from the best of a search with sums of
    squares; the note says why it does not, or "".

    penalties : function of the program of the sums of squares -> [P_l], of the laws; None without laws
    """
    if search.best is None:
        return search, ""
    if search.over:
        return _without(search, solve, "the end was asked for before")
    setting, (program, result, _) = likely(search.setting, data, densities), search.best
    n = search.setting.elements.n
    x = np.concatenate([fitted(setting, result.x[:n]), result.x[n:]])
    found = Search(setting, solve, -np.inf, search.stages)
    found.stages.append(solve.clock.stage("noise", _words(setting, x), 0))
    P = program.penalties if penalties is None else penalties(program)
    found.run("likelihood; ", lambda: (program.laws, P, x), near=True)
    if not found.solved and not found.over:
        found.run("likelihood, from further away; ", lambda: (program.laws, P, x))
    if found.best is None:
        return _without(search, solve, "the likelihood cannot be evaluated there")
    found.stages += [solve.clock.stage("noise", words, 0) for words in _least(setting, found.best[1].x)]
    return found, ""


def _without(search, solve, why):
    """The search with sums of squares, and that the noise is not in it."""
    words = f"The noise models are not taken into account: {why}."
    search.stages.append(solve.clock.stage("noise", words, 0))
    return search, words


def _least(setting, x):
    """[a sentence] on sizes of noise that ended at the least that they may be."""
    elements = setting.elements
    q = dict(zip(elements.parameters.names, elements.split(x)[2]))
    names = [f"{short(number)} of {name}" for (name, number), parameter in setting.own.items()
             if q[parameter] - setting.model.limits(parameter)[0] < _AT]
    return [f"at the least that they may be, {LEAST:g} of their first guess: {', '.join(names)}; the "
            "readings do not tell them from 0"] if names else []


def _words(setting, x):
    """What the residuals of the sums of squares say of the noise."""
    kinds = ", ".join(f"{type(density.noise).__name__} for {name}"
                      for name, density in setting.densities.items())
    elements = setting.elements
    values = dict(zip(elements.parameters.names, natural(elements, elements.split(x)[2])))
    found = ", ".join(f"{short(number)} of {name} {values[parameter]:.3g}"
                      for (name, number), parameter in setting.own.items())
    return f"{kinds}; from the residuals: {found}" if found else kinds
