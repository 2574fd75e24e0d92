"""From where the main solves of a model without laws begin, in the order they are tried."""

from __future__ import annotations

import numpy as np

from pcl.dae.sequential import marched
from pcl.dae.stages.guess import HAIR, first_guess, inside
from pcl.dae.stages.relaxed import PENALTIES, relaxed
from pcl.dae.stages.solves import SHORT
from pcl.interior_point.start import KAPPA

SLOWLY = tuple(10.0 ** k for k in range(-4, 5))     # penalties of equations, see `pcl.dae.stages.relaxed`
SCATTERED = 3       # starts from other parameters, where all others are far from the data
SPREAD = 2.0        # standard deviation of ln (other parameter / first one)


def search_parameters(search, start, seed):
    """Solve from everywhere: from a given trajectory, and if that is not good enough from the plain
    guess, the relaxed ones and the simulation of the start, of which the best counts. Then, while its
    misfit is above what smooth curves leave: what a simulation with the best parameters gives, and
    other parameters. What nothing solved is gone on with for as long as was allowed."""
    if start.near:
        warm = None if start.earlier is None else start.earlier.result
        search.run("from the given trajectories; ", lambda: ([], [], start.x), near=True, warm_start=warm)
        if search.done or (search.solved and not start.simulated):
            return
    setting = search.setting
    plain = first_guess(setting, start.numbers) if start.near else start.x
    search.run("", lambda: ([], [], plain), maxiter=SHORT, bound_push=_push(setting, start))
    for words, make, near in () if start.plain else _first(setting, plain, start.numbers):
        if not search.over:
            search.run(words, make, near, SHORT)
    if _unseen_starts(setting) and search.solved and not search.perfect:
        for words, make, near in _other_starts(search):
            search.run(words, make, near, SHORT)
    for words, make, near in _others(search, plain, start, seed):
        if search.done:
            return
        search.run(words, make, near, SHORT)
    if not search.solved and not search.over and search.best is not None:
        search.run("gone on with the best; ", lambda: ([], [], search.best[1].x))


def _first(setting, x, numbers):
    """Yield (words, make, near) of what is always tried beside the plain guess."""
    yield "from data and equations together; ", lambda: ([], [], _relaxed_as_declared(setting, x)), False
    yield "from the data, the equations slowly added; ", lambda: (
        [], [], _relaxed_as_declared(setting, x, SLOWLY)), False
    if setting.model.exponents:
        yield ("from data and equations together, by logarithms; ",
               lambda: ([], [], relaxed(setting, x)), False)
    seen = setting.model.equations is not None or setting.model.observed
    if _unseen_starts(setting) and seen:
        yield ("unseen states by the equations at each point; ",
               lambda: ([], [], first_guess(setting, numbers, seen_through=True)), False)
    yield "simulated from the start; ", lambda: ([], [], _simulated(setting, x)), True


def _push(setting, start):
    """How far a start is kept from bounds (n,), see `interior_point.solve`: given parameters are kept."""
    elements, p = setting.elements, setting.elements.parameters
    push = np.full(elements.n, KAPPA)
    given = list(start.numbers)
    push[elements.n - p.n:][np.isin(p.names, given) | np.isin(setting.labels, given)] = HAIR
    return push


def _other_starts(search):
    """Yield (words, make, near): with the parameters found, and other starts of what is not seen."""
    for factor in (np.exp(-1.0), np.e):
        yield "simulated from other starts of what is not seen; ", lambda factor=factor: (
            [], [], _with_other_starts(search.setting, search.best[0], search.best[1], factor)), True


def _others(search, x, start, seed):
    """Yield (words, make, near) of what is tried where the best is far from the data."""
    setting, random = search.setting, np.random.RandomState(seed + 1)
    if search.best is not None:
        yield "simulated with the parameters found; ", lambda: (
            [], [], marched(search.best[0], search.best[1].x)), True
    others = [_scattered(setting, x, start, random, SPREAD) for _ in range(SCATTERED)]
    for other in others:
        yield "simulated with other parameters; ", lambda x=other: (
            [], [], _simulated(setting, x())), True
    for other in others:
        yield "from other parameters, data and equations together; ", lambda x=other: (
            [], [], _relaxed_as_declared(setting, x())), False


def _simulated(setting, x):
    return marched(setting.transcription([], []), x)


def _relaxed_as_declared(setting, x, penalties=PENALTIES):
    """`relaxed` in the parameters themselves: most rates are linear in them, none in their logarithms."""
    return setting.asked(relaxed(setting.as_declared(), setting.told(x), penalties))


def _with_other_starts(setting, program, result, factor):
    """The simulation of a result with the free starts of unseen states multiplied."""
    elements, x = setting.elements, result.x.copy()
    free = elements.first[:, None] & ~program.rows.jointed
    free &= np.isin(setting.model.states, _unseen(setting))
    x0 = elements.split(x)[0]
    x0[free] *= factor
    return marched(program, x)


def _unseen(setting):
    """The states without observations, of which several courses may fit the data."""
    return [name for name in setting.model.states if name not in setting.data.observed]


def _unseen_starts(setting):
    """Whether any start of these is free."""
    return any(name not in (*item.initial, *item.computed, *item.steady)
               for item in setting.data for name in _unseen(setting))


def _scattered(setting, x, start, random, spread):
    """A function that gives the first guess with parameters and unseen states multiplied by random
    factors, inside bounds."""
    elements, model = setting.elements, setting.model
    p = setting.told(x)[elements.n - elements.parameters.n:elements.n]
    typical = dict(zip(model.states, np.sqrt(np.mean(elements.split(x)[0] ** 2, axis=0))))
    first = {**dict(zip(elements.parameters.names, p)),
             **{name: start.numbers.get(name, typical[name]) for name in _unseen(setting)}}
    moved = {name: value * np.exp(spread * random.standard_normal()) for name, value in first.items()}
    return lambda: first_guess(setting, {
        name: float(inside(setting.declared, name, abs(value))(value)) for name, value in moved.items()})
