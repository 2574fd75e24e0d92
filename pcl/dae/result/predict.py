"""Prediction with trained laws: by step control alone, or with bounds and path constraints kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pcl import collocation
from pcl.collocation import Mesh, adapt, error_estimate
from pcl.dae import solver
from pcl.dae.data.signal import signal
from pcl.dae.laws.fixed_law import FixedLaw
from pcl.dae.program import scaled
from pcl.dae.program.breaks import ends_of
from pcl.dae.program.elements import Elements
from pcl.dae.program.equations import starts_of
from pcl.dae.program.events import amounts, leaps, require_lawless
from pcl.dae.program.leap import Leap
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.steady import Steady
from pcl.dae.program.transcription import Transcription
from pcl.dae.result.closed import Closed
from pcl.dae.result.curve import Curve, vector
from pcl.dae.result.limits import KEPT, between, violations, words
from pcl.dae.result.observables import Observables
from pcl.dae.result.prediction import Prediction, Status
from pcl.dae.structure.initial import check_initial, require_inside
from pcl.errors import TrialFailure
from pcl.support.nearest import nearest
from pcl.support.validate import float64_array, positive_number

ROUNDS = 8              # meshes tried
UNTIL = "until"         # name of the event that ends a simulation
_FEWEST = 4             # elements of the first mesh
_SHARE = 0.1            # of the tolerance: that of the steps of the simulation
TOL, MAXITER = 1e-8, 300     # of the solve under bounds
_INDEX = 3              # of simulations: what collocation can do


def predict(trained, initial, inputs, t, slack, tolerance, max_elements, breaks, events):
    """See `Trained.predict`."""
    tolerance = positive_number("tolerance", tolerance)
    run = Forecast(trained, initial, inputs, t, slack, breaks, max_elements, events)
    most = max_elements + 4 * len(run.breaks)
    run.begin(tolerance, most)
    mesh = Mesh.uniform(run.t[0], run.t[-1], run.elements).holding(run.breaks)
    try:
        done = adapt(run.solve, mesh, tolerance, run.sizes, max_rounds=ROUNDS, max_elements=most,
                     breaks=run.breaks)
    except _Contradiction as end:
        return run.ended(end.found)
    found, error = done.solution, float(done.error.max() * tolerance)
    message = found.message if done.status.success else f"{found.message} {done.status.value}"
    return run.prediction(found.curve, found.status, message, error, found.slack)


def simulate(trained, initial, inputs, t, rtol, atol, breaks, most, events, when, until):
    """See `Trained.simulate`."""
    run = Forecast(trained, initial, inputs, t, False, breaks, most, events)
    names, watched = run.watched(when, until)
    done = run.simulated(rtol=rtol, events=watched,
                         atol=1e-3 * rtol * run.sizes if atol is None else atol)
    return replace(run.alone(done), events=tuple((time, names[k]) for time, k in done.events))


@dataclass(frozen=True, eq=False)
class _Found:
    """A solution on one mesh, as `collocation.adapt` takes it."""

    curve: Curve
    status: Status
    message: str
    slack: dict

    scheme = property(lambda self: self.curve.scheme)
    mesh = property(lambda self: self.curve.mesh)
    start = property(lambda self: self.curve.start)
    slots = property(lambda self: self.curve.slots)
    algebraic = property(lambda self: self.curve.algebraic)


class _Contradiction(Exception):
    """No finer elements are needed: there is no solution."""

    def __init__(self, found):
        super().__init__(found.message)
        self.found = found


class Forecast:
    """One prediction: the closed system, its start and its bounds.

    check : bool, whether starts are compared with hidden constraints before anything is solved, in words
        of the model; `collocation.simulate` refuses them, too
    """

    def __init__(self, trained, initial, inputs, t, slack, breaks, most, events, check=True):
        self.trained, self.model, self._slack = trained, trained.model, bool(slack)
        self.others = (*self.model.algebraic, *self.model.outputs)
        self.t = times_of(t)
        self._signals = _signals(self.model, inputs)
        span = self.t[[0, -1]]
        self._happens = _required(events, self.model, span)
        given = _named(self.model, initial)
        self._rule = _following(self.model, given, span)
        self._initial = _start(trained, given, self._signals, span, self._happens, self._rule, check)
        self._x0 = np.array([self._initial[name] for name in self.model.states])
        self._closed, self._before = Closed(trained, self._signals), None
        self._first, self._stopped, self._done, self._tolerance = None, None, None, KEPT
        self.sizes = np.array([trained.sizes[name] or 1.0 for name in (*self.model.states, *self.others)])
        wanted = (self.t[-1] - self.t[0]) / trained.element
        self.elements = int(np.ceil(np.clip(wanted, _FEWEST, max(_FEWEST, most))))
        self.breaks = _breaks(self._signals, breaks, self._happens, span, self.elements, most)
        self._jumps = self._closed.jumps(self._happens, self.breaks, span)

    def begin(self, tolerance, max_elements):
        """Simulate with step control: the first solution, its mesh, or a guess as far as it goes."""
        self._tolerance, part = tolerance, _SHARE * tolerance
        try:
            done = self._done = self.simulated(rtol=part, atol=part * self.sizes, max_steps=max_elements)
        except TrialFailure as failure:         # in the first step
            self._stopped = str(failure)
            return
        self._before = self.simulation(done)
        if not done.success:
            self._stopped = done.message
        elif done.mesh.elements > 1:
            self._first = self._before

    def solve(self, mesh):
        """The solution on one mesh, as a `_Found`; the first time on the mesh of the simulation."""
        curve, self._first = self._first, None
        if curve is None:
            curve = self._on(mesh)
        if curve is not None and not self.broken(curve):
            self._before = curve
            return _Found(curve, Status.SIMULATED, Status.SIMULATED.value, {})
        mesh = mesh if curve is None else curve.mesh
        for guess in (self._before or curve, self._constant(mesh)):
            if guess is not None:
                found = self._under_bounds(mesh, guess)
                if found.status.success:
                    self._before = found.curve
                    return found
        raise _Contradiction(found)

    def ended(self, found):
        """The answer where no solution was found: the simulation as far as it went, and that it is the
        bounds that forbid it where there are any."""
        model = self.model
        alone = None if self._done is None else self.alone(self._done)
        limits = [model.limits(name) for name in (*model.states, *self.others)]
        if self._stopped is None or model.path is not None or np.isfinite(limits).any():
            if alone is None:
                return self.prediction(found.curve, found.status, found.message, None, found.slack)
            broken = words(between(model, self.trained, alone.curve, self._closed.inputs))
            beside = (f" The values are those of the simulation, which violates the bound or path "
                      f"constraint of {broken}, in the units of the model." if broken else
                      " The values are those of the simulation as far as it went.")
            return replace(alone, status=found.status, message=found.message + beside, slack=found.slack,
                           simulation=alone)
        if alone is not None:
            return alone
        return self.prediction(self._constant(Mesh(self.t[:2])), Status.STOPPED,
                               f"{Status.STOPPED.value} {self._stopped}", None, {}, self.t[:1])

    def alone(self, done):
        """The answer by step control alone."""
        curve = self.simulation(done)
        status, message = Status.STOPPED, f"{Status.STOPPED.value} {done.message}"
        if done.success:
            status = Status.VIOLATED if self.broken(curve) else Status.SIMULATED
            message = status.value
        return self.prediction(curve, status, message, None, {})

    def watched(self, when, until):
        """(names, events of `collocation.simulate`) of conditions on v."""
        unknown = [name for name in when if name not in self.model.jumps]
        if unknown:
            raise ValueError(f"when has {unknown[0]!r}; expected some of the model's jumps, "
                             f"{', '.join(self.model.jumps) or 'of which there are none'}."
                             f"{nearest(unknown[0], self.model.jumps)}")
        conditions = {**when, **({} if until is None else {UNTIL: until})}
        for name, condition in conditions.items():
            if not callable(condition):
                raise TypeError(f"the condition of {name!r} is a {type(condition).__name__}; expected a "
                                "function of v.")
        return tuple(conditions), self._closed.events(conditions, self.model.jumps)

    def _on(self, mesh):
        """The simulation on a mesh as a `Curve`, None where it stops."""
        near = None if self._before is None or self._stopped else self._before.on(mesh)
        try:
            done = self.simulated(mesh, guess=near and (near.start, near.slots, near.algebraic))
        except TrialFailure:                    # in the first step
            return None
        return self.simulation(done) if done.success else None

    def simulated(self, mesh=None, *, atol=None, **options):
        """`collocation.simulate` over the span, or on a mesh."""
        closed = self._closed
        guess = np.array([self.trained.typical[name] for name in self.others])
        return collocation.simulate(
            closed.residual, closed.jacobian, self.trained.collocation,
            (self.t[0], self.t[-1]) if mesh is None else mesh, self._x0, guess, index=_INDEX,
            atol=self._tolerance * self.sizes if atol is None else atol,
            breaks=self.breaks, jumps=self._jumps, state_names=self.model.states,
            algebraic_names=self.others, equation_names=closed.equations, **options)

    def simulation(self, done):
        """The `Curve` of what `simulated` returned."""
        return self.curve(done.mesh, done.start, done.slots, done.algebraic)

    def curve(self, mesh, start, slots, algebraic):
        """A `Curve` of these arrays."""
        return Curve("prediction", self.model.states, self.others, self.trained.collocation, mesh, start,
                     slots, algebraic, Observables(self.model, self.p, self._signals))

    def broken(self, curve):
        """Whether a bound or path is violated at the nodes above rounding, or between them by more than
        the tolerance."""
        at = (self.model, self.trained, curve, self._closed.inputs)
        return bool(violations(*at) or between(*at, max(self._tolerance, KEPT)))

    def prediction(self, curve, status, message, error, slack, t=None):
        """The answer at times t, as far as the curve goes."""
        t = self.t if t is None else t
        t = t[t <= curve.mesh.times[-1]]
        at = (self.model, self.trained, curve, self._closed.inputs)
        nodes, dense = violations(*at), between(*at)
        beyond = {what: v for what, v in dense.items() if v.size > nodes.get(what, 0.0)}
        if dense and not nodes:
            message = f"{message} Between the nodes: violation of {words(dense)}."
        elif dense and status is Status.VIOLATED:
            message = f"{message} Violation of {words(dense)}."
        outside = self._closed.outside(curve)
        for name, inputs in outside.items():
            reached = ", ".join(f"{a} from {low:.4g} to {high:.4g}" for a, (low, high) in inputs.items())
            message = f"{message} The law of {name} is asked outside what it was trained on: {reached}."
        return Prediction(t, curve(t), curve, status, message, error, self._errors(curve, error), slack,
                          nodes, beyond, outside=outside)

    def _errors(self, curve, error):
        """{name: largest estimated error of an element}, in units of the model."""
        if error is None:
            return {}
        largest = error_estimate(curve.scheme, curve.mesh, curve.start, curve.slots, curve.algebraic,
                                 self.breaks).max(axis=0)
        return dict(zip(curve.names, largest.tolist()))

    def _under_bounds(self, mesh, guess):
        """The collocated program with bounds; with slack of least square."""
        scheme = self.trained.collocation
        n, weights = mesh.elements * scheme.K, (mesh.lengths[:, None] * scheme.weights).reshape(-1, 1)
        laws = [FixedLaw(law, n, self._slack, self._sizes(law))
                for law in (trained.placed for trained in self.trained.laws)]
        penalties = [2.0 * np.repeat(weights, len(law.outputs)) if self._slack else np.zeros(0)
                     for law in laws]
        start = amounts(self._happens.doses, mesh, self.model.states)
        fixed = np.zeros(start.shape, dtype=bool)
        fixed[0], start[0] = True, self._x0
        program, p = self._program(mesh, laws, penalties, fixed, start), self.p
        elements = program.elements
        program.x_lower[elements.n - p.size:elements.n] = p
        program.x_upper[elements.n - p.size:elements.n] = p
        x = [vector(elements, [guess.on(mesh)], p), np.zeros(sum(law.size for law in laws))]
        result = solver.solve(program, np.concatenate(x), tol=TOL, maxiter=MAXITER)
        return self._found(program, result, mesh)

    def collocated(self, curve):
        """(Transcription, x (n,)) of a simulation, its trajectory, parameters, weights and numbers at the
        start free, without bounds; what of the start follows from parameters does so there, too."""
        laws, mesh = [law.law.term for law in self.trained.laws], curve.mesh
        start = amounts(self._happens.doses, mesh, self.model.states)
        fixed = np.zeros(start.shape, dtype=bool)
        after, rows = (), self._rule
        if rows is not None:
            states, t = np.array([self.model.states.index(name) for name in rows.names]), self.t[:1]
            fixed[0, states] = True
            after = Leap(rows, states, np.array([0]), self._closed.inputs(t), t, first=True),
        program = self._program(mesh, laws, [0.0] * len(laws), fixed, start, after)
        x = [vector(program.elements, [curve], self.p), *(law.theta for law in self.trained.laws)]
        return program, np.concatenate(x)

    def _program(self, mesh, laws, penalties, fixed, start, more=()):
        """The collocated equations on a mesh, doses and jumps included."""
        elements = Elements(self.model, self.trained.collocation, [mesh])
        after = leaps(self.model, self._happens.jumps, mesh, 0, self._signals)
        u = self._closed.inputs(mesh.points(elements.scheme, self.breaks).ravel())
        return Transcription(self.model, laws, elements, u.reshape(elements.E, elements.K, -1), fixed,
                             start, Misfit.of(elements, []), penalties, (*after, *more))

    @property
    def p(self):
        """Values of the parameters (n_p,)."""
        return np.array([self.trained.parameters[name] for name in self.model.parameters])

    def inputs(self, t):
        """u (n, n_u) at times t (n,)."""
        return self._closed.inputs(t)

    def _found(self, program, result, mesh):
        x0, w, _ = program.elements.split(result.x)
        n_x = len(self.model.states)
        curve = self.curve(mesh, x0, w[:, :, :n_x], w[:, :, n_x:])
        slack = {name: self.trained.sizes[name] * s
                 for law, theta in zip(program.laws, program.rows.parameters(result.x)) if self._slack
                 for name, s in zip(law.outputs, theta.reshape(-1, len(law.outputs)).T)}
        if not result.success:
            stopped = f" The simulation stopped: {self._stopped}" if self._stopped else ""
            relative, absolute, row = scaled.worst_row(program, result.x)
            left = (" These violations are relative to the sizes of the rows; violated most is "
                    f"{row}, by {relative:.3g} of its size, {absolute:.3g} in the units of the model.")
            words = f"{Status.CONTRADICTION.value} {result.message}{left}{stopped}"
            return _Found(curve, Status.CONTRADICTION, words, slack)
        status = Status.SHIFTED if slack else Status.KEPT
        words = ", ".join(f"{name} by up to {np.abs(s).max():.2g}" for name, s in slack.items())
        return _Found(curve, status, f"{status.value} {words}".strip(), slack)

    def _constant(self, mesh):
        """Nothing moves: where even the first step of a simulation fails."""
        K = self.trained.collocation.K
        others = np.array([self.trained.typical[name] for name in self.others])
        slots = np.tile(self._x0, (mesh.elements, K, 1))
        if self.trained.collocation.points[0] == 0.0:
            slots[:, 0] = 0.0
        return self.curve(mesh, np.tile(self._x0, (mesh.elements, 1)), slots,
                          np.tile(others, (mesh.elements, K, 1)))

    def _sizes(self, law):
        return np.array([self.trained.sizes[name] for name in law.outputs])


def _named(model, initial):
    """The dict of starts, of all states."""
    given = dict(initial)
    if sorted(given) != sorted(model.states):
        raise ValueError(f"initial has {', '.join(given) or 'nothing'}; expected each state once: "
                         f"{', '.join(model.states)}.")
    return given


def _following(model, given, span):
    """The rows that give starts which follow from parameters, or are at rest; None without them."""
    computed = {name: g for name, g in given.items() if callable(g)}
    rest = tuple(name for name, value in given.items() if isinstance(value, str) and value == "steady")
    if not rest:
        return starts_of(model, tuple(computed.items())) if computed else None
    numbers = {name: value for name, value in given.items() if name not in (*computed, *rest)}
    require_lawless(model, "the prediction", rest)
    return Steady(model, rest, numbers, computed, span[1] - span[0])


def _values_of(rows, trained, signals, t):
    """{state: value} of such rows at the time t (1,)."""
    known = {**trained.typical, **trained.parameters}
    a = np.array([[0.0 if name.endswith("'") else known[name] for name in rows.arguments.names]])
    u = np.array([signals[name](t) for name in trained.model.inputs]).reshape(1, -1)
    return dict(zip(rows.names, rows.residual(a, u, t)[0].tolist()))


def times_of(t):
    """Increasing times (n,), at least two."""
    if t is None:
        raise ValueError("t is None; expected increasing times (n,), the first of which is the start.")
    t = float64_array("t", t, shape=(None,))
    if t.size < 2 or not (np.diff(t) > 0.0).all():
        raise ValueError(f"t has {t.size} "
                         f"entries{'' if t.size < 2 else ' that do not increase'}; expected at "
                         "least two increasing times, the first of which is the start.")
    return t


def _signals(model, inputs):
    given = dict(inputs or {})
    if sorted(given) != sorted(model.inputs):
        raise ValueError(f"inputs has {', '.join(given) or 'nothing'}; expected each of "
                         f"{', '.join(model.inputs) or 'none'}.")
    return {name: signal(name, value) for name, value in given.items()}


def _required(events, model, span):
    """The `Events`, of states and jumps that the model has, none before the start."""
    events.require("", tuple(span), model.states)
    for what, given, names in (("doses", [dose.state for dose in events.doses], model.states),
                               ("jumps", events.jumps, tuple(model.jumps))):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(f"{what} has {unknown[0]!r}; expected some of the model's "
                             f"{', '.join(names) or f'{what}, of which there are none'}."
                             f"{nearest(unknown[0], names)}")
    return events


def _breaks(signals, given, events, span, elements, most):
    """Where elements have to end, at most `most` times for bends, see `ends_of`; the start, too, if
    something jumps there."""
    given = np.append(float64_array("breaks", given, shape=(None,)), events.times(span))
    inside = ends_of(signals.values(), given, span, (span[1] - span[0]) / elements, most)
    jumps = np.concatenate([given, *(u.jumps for u in signals.values())])
    return np.concatenate([span[:1][np.isin(span[:1], jumps)], inside])


def _start(trained, given, signals, span, events, rows, check):
    """{state: value}, complete, doses at the start added, within bounds and consistent."""
    model, t0 = trained.model, span[0]
    given = given if rows is None else given | _values_of(rows, trained, signals, span[:1])
    given = {name: float(float64_array(f"initial value of {name!r}", value, shape=()))
             + events.added(name, t0, span) for name, value in given.items()}
    require_inside(model, given)
    if check and model.equations is not None:
        check_initial(model, {**given, **trained.parameters}, inputs=signals, t=t0,
                      guess=trained.typical).require()
    return given
