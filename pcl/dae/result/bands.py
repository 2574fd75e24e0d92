"""Standard errors of a prediction, from those of the fit through the derivatives of the simulation.

    cov(y) = J C Jᵀ,   J = ∂y/∂(θ, p) of `pcl.dae.result.motion`, C of `pcl.dae.result.uncertainty`
"""

from dataclasses import replace

import numpy as np

from pcl.dae.data.events import Events
from pcl.dae.program.log_scale import slopes
from pcl.dae.result.band import Band
from pcl.dae.result.motion import Motion, Moving
from pcl.dae.result.predict import Forecast
from pcl.dae.result.prediction import Status

_SIMULATED = (Status.SIMULATED, Status.VIOLATED)
_KNOWN = ("Bands take the start as known. From a state that was fitted go on in the fit itself: give the "
          "trajectory span=(t0, t1) beyond its readings, and ask found.band(name, t, trajectory=…).")
_NONE = "There are no bands: the values are not those of a simulation to the end."


def banded(fit, uncertainty, found, initial, inputs, options):
    """The Prediction with `bands`; `options` those it was asked with, `uncertainty` a function of
    whether variances are known that gives the `Uncertainty` of the fit.

    Raises
    ------
    ValueError
        With conditions on the state, whose times would move.
    Undetermined
        As `Fit.standard_errors`.
    """
    if options.get("when") or options.get("until"):
        raise ValueError("bands is True with when or until: the times of events move with the "
                         "parameters, which bands do not follow. Leave one of them out.")
    if found.status not in _SIMULATED:
        return replace(found, message=f"{found.message} {_NONE}")
    names = (*found.curve.names, *fit.model.observed)
    trained = fit.trained.having(options.get("parameters"))
    labels = _labels(fit, trained.parameters)
    run = Forecast(trained, initial, inputs, found.t, False, options.get("breaks", ()),
                   found.curve.mesh.elements,
                   Events.of("", options.get("doses"), options.get("jumps")), check=False)
    moving = Moving(tuple(range(len(fit.laws))), tuple(labels))
    motion = Motion(run, found.curve, moving, found.t, names)
    J = motion.jacobian().reshape(motion.value.size, motion.size)
    errors = np.sqrt(_variances(fit, uncertainty(None), J, tuple(labels.values())))
    return replace(found, message=f"{found.message} {_KNOWN}", bands={
        name: Band(found[name], error) for name, error in zip(names, errors.reshape(motion.value.shape))})


def _labels(fit, values):
    """{parameter: its name in the fit} of those that have the value found, of any experiment."""
    found = {}
    for name in fit.model.parameters:
        own = (name, *(f"{name}[{experiment}]" for experiment in fit.setting.names))
        same = [label for label in own if fit.parameters.get(label) == values[name]]
        found.update({name: same[0]} if same else {})
    return found


def _variances(fit, uncertainty, J, labels):
    """Variances (m,) of what has the derivatives J (m, q) with respect to weights and parameters."""
    elements, n = fit.setting.elements, fit.program.n
    first = elements.n - elements.parameters.n
    p = np.array([fit.setting.labels.index(label) for label in labels], dtype=int)
    places = np.concatenate([np.arange(elements.n, n), first + p])
    if not places.size:                                     # nothing is unknown but starts
        return np.zeros(len(J))
    unit = np.ones(places.size)
    if p.size:
        unit[-p.size:] = slopes(elements, elements.split(fit.result.x)[2])[p]
    by_rows = len(J) < places.size
    G = np.zeros((len(J) if by_rows else places.size, n))
    if by_rows:
        G[:, places] = J * unit
        return uncertainty.variances(G)
    G[np.arange(places.size), places] = unit
    return np.maximum(np.einsum("mq,qr,mr->m", J, uncertainty.covariance(G), J), 0.0)
