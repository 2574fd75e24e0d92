"""
Lynxes and hares: from four rates to a learned law, and a forecast
==================================================================

**Measured data, two differential equations, a growth law as a network.**

For a century the Hudson's Bay Company counted the pelts it bought. Hares and lynxes rise and fall
together, and Lotka and Volterra wrote down why. Do their equations fit? Does a learned law fit better,
and does it forecast better? The two questions have different answers.

The record, 1900 to 1920, is the one used by B. Carpenter, *Predator–prey population dynamics: the
Lotka–Volterra model in Stan*, 2018. To run this yourself put :download:`lynx_hare.csv` beside the
notebook.
"""

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import pcl
from pcl.dae import Data, Model, Trajectory, fit

record = np.genfromtxt("lynx_hare.csv", delimiter=",", names=True)
years, hares, lynxes = record["year"], record["hare_thousands"], record["lynx_thousands"]

# %%
# Look at the data first
# ----------------------
#
# Pelts vary by a factor of ten, and an error of a count is a share of it: everything below is said of
# logarithms.
# The last five years are set aside; they will judge the forecasts.

LAST = 1915


def draw(axes):
    for ax, name, values in zip(axes, ("hares", "lynxes"), (hares, lynxes)):
        ax.plot(years[years <= LAST], values[years <= LAST], "ko", ms=4, label="measured")
        ax.plot(years[years > LAST], values[years > LAST], "ko", ms=4, mfc="w", label="set aside")
        ax.axvline(LAST + 0.5, color="0.7", lw=0.8)
        ax.set(yscale="log", xlabel="year", ylabel=f"{name} [thousand pelts a year]")
        ax.set_xticks(range(1900, 1921, 5))
        ax.set_yticks([5, 10, 20, 40, 80], ["5", "10", "20", "40", "80"])
        ax.minorticks_off()


fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
draw(axes)
axes[0].legend()

# %%
# The model
# ---------
#
# With :math:`h = \ln H` and :math:`l = \ln L`, the logarithms of thousands of pelts,
#
# .. math:: h' = \alpha - \beta e^{l}, \qquad l' = -\gamma + \delta e^{h}.
#
# Four rates, and where the two species began, are unknown. The published errors are a quarter of a
# count, and
# that is what we state as noise: ``sigma=0.25``.

NOISE = 0.25
rates = ("alpha", "beta", "gamma", "delta")
plain = Model(states=("h", "l"), parameters=rates, bounds={name: (0.0, 3.0) for name in rates},
              rates=lambda v: {"h": v.alpha - v.beta * tf.exp(v.l),
                               "l": -v.gamma + v.delta * tf.exp(v.h)})


def data(kept):
    seen = {"h": np.log(hares[kept]), "l": np.log(lynxes[kept])}
    return Data([Trajectory(years[kept], seen, sigma=NOISE, name="pelts")])


# %%
# First numbers
# -------------
#
# On all 21 years, as published:

start = {"alpha": 0.5, "beta": 0.03, "gamma": 0.5, "delta": 0.03}
whole = fit(plain, data(years > 0), start=start)
error = whole.standard_errors()
for name, published in zip(rates, (0.55, 0.028, 0.80, 0.024)):
    print(f"{name:5} = {whole.parameters[name]:.3f} ± {error[name]:.3f}   (published {published})")

# %%
# Does the model fit, and are the elements fine enough?
# -----------------------------------------------------
#
# The equations are solved by collocation on elements in time. How far the answer would move on finer
# ones is
# ``shift``, in standard errors; ``fit`` has refined the elements until it was small.

print(whole.verdict)
print(whole.shift)
print(whole.posterior().check_model())

# %%
# Nothing speaks against the model, and the elements are beside the point. But mind what was asked:
# the noise of
# a quarter was estimated *with this model* by those who published it. A test with that noise can hardly
# contradict the model. A forecast can.
#
# A forecast
# ----------
#
# Fit 1900 to 1915 alone, and go on from the state that was found at the end of 1915. ``bands=True``
# carries the
# standard errors of the rates along; it knows nothing of the noise of a count, and takes the state of
# 1915 as known. A trajectory with ``span=(1900, 1920)`` would go on in the fit itself, and
# ``found.band("h", t, trajectory="pelts")`` would carry the errors of that state, too.

before = data(years <= LAST)
four = fit(plain, before, start=start)


def ahead(found):
    """The forecast from the fitted state of 1915 on, with its band."""
    curve = found.trajectories["pelts"]
    state = {name: curve([LAST], name)[0] for name in ("h", "l")}
    return found.predict(state, t=np.linspace(LAST, 1920, 51), bands=True)


def compare(found, forecast):
    """Root mean square of ln(computed / measured): fitted years, years set aside."""
    curve, errors = found.trajectories["pelts"], []
    for name, values in (("h", hares), ("l", lynxes)):
        fitted = curve(years[years <= LAST], name) - np.log(values[years <= LAST])
        later = forecast.curve(years[years > LAST], name) - np.log(values[years > LAST])
        errors += [np.sqrt(np.mean(fitted ** 2)), np.sqrt(np.mean(later ** 2))]
    return "hares {:.2f} fitted, {:.2f} forecast; lynxes {:.2f} fitted, {:.2f} forecast".format(*errors)


forecast = ahead(four)
print("four rates:", compare(four, forecast))
again = [np.sqrt(np.mean(np.log(x[years > LAST] / x[years == LAST]) ** 2)) for x in (hares, lynxes)]
print("last year again: hares {:.2f}, lynxes {:.2f}".format(*again))

# %%
# A network in the place of a law
# -------------------------------
#
# Why should the growth of the lynxes be linear in the hares? Leave it open: :math:`z(h, l)` is a
# network of both,
# 2-4-1, with 17 weights. 32 readings determine 17 weights only with a prior; ``weight_decay=2.0`` is
# a standard
# normal one where readings are weighted by their noise.

open_law = Model(states=("h", "l"), outputs=("z",), parameters=("alpha", "beta"),
                 bounds={name: (0.0, 3.0) for name in ("alpha", "beta")},
                 rates=lambda v: {"h": v.alpha - v.beta * tf.exp(v.l), "l": v.z})
learned = fit(open_law, before, pcl.MLP((2, 4, 1)), start={"alpha": 0.5, "beta": 0.03}, elements=30,
              weight_decay=2.0, seed=0)
print(learned.verdict)
print(learned.shift)

# %%
# χ² is now far *below* its degrees of freedom: either the stated noise is too large, or the law
# follows the noise.
# No number of the fit tells which. Look at the law, with its band, along the hares, where there are as
# many lynxes as in the median year:

along = np.linspace(*learned.laws[0].seen[:, 0], 60)                   # where it was trained
median = np.full(60, np.median(np.log(lynxes[years <= LAST])))
value, error = learned.band("z", np.stack([along, median], axis=1))
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.fill_between(np.exp(along), value - 2 * error, value + 2 * error, alpha=0.3, lw=0, color="C3",
                label="± 2 standard errors")
ax.plot(np.exp(along), value, color="C3", label=f"network, {np.exp(median[0]):.0f} thousand lynxes")
for quantile, style in ((0.25, ":"), (0.75, "-.")):
    there = np.full(60, np.quantile(np.log(lynxes[years <= LAST]), quantile))
    beside, _ = learned.band("z", np.stack([along, there], axis=1))
    ax.plot(np.exp(along), beside, style, color="C3", lw=1,
            label=f"network, {np.exp(there[0]):.0f} thousand lynxes")
ax.plot(np.exp(along), -four.parameters["gamma"] + four.parameters["delta"] * np.exp(along), "C0--",
        label="−γ + δ H")
ax.plot(hares[years <= LAST], np.full(16, -1.35), "k|", ms=8, label="hares seen")
ax.set(xlabel="hares [thousand]", ylabel="growth of the lynxes z [1/year]")
ax.legend()
ax.grid(alpha=0.3)

# %%
# The straight line lies inside the band: at this many lynxes the record does not tell the two laws
# apart. Where they
# differ is the dependence on the lynxes themselves, which Lotka and Volterra leave out.

further = ahead(learned)
print("network:   ", compare(learned, further))
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for ax, name in zip(axes, ("h", "l")):
    for found, later, colour, label in ((four, forecast, "C0", "four rates"),
                                        (learned, further, "C3", "network")):
        t = np.linspace(1900, LAST, 200)
        ax.plot(t, np.exp(found.trajectories["pelts"](t, name)), color=colour, label=label)
        t, (value, error) = np.linspace(LAST, 1920, 51), later.bands[name]
        ax.plot(t, np.exp(value), "--", color=colour)
        ax.fill_between(t, np.exp(value - 2 * error), np.exp(value + 2 * error), color=colour,
                        alpha=0.2, lw=0)
draw(axes)
axes[0].legend(fontsize=8)

# %%
# What is not to be trusted
# -------------------------
#
# * **The bands of the forecasts.** The hares of 1917 lie far outside of both, by more than the noise
#   of a count
#   explains. Bands are right if the model is, and the equation of the hares, the same in both models,
#   cannot fall that far. Something else took hares that year.
# * **"Better".** The network halves the misfit of the lynxes and their error ahead, and forecasts the
#   hares no better
#   than saying last year's number again. One forecast of five years is one draw; it ranks nothing.
# * **The law away from the trajectory.** Hares and lynxes went round one loop. Of many hares beside
#   many lynxes the
#   data know nothing, and the band there is the prior of the weights. ``learned.predict`` says in its
#   ``message``
#   when a forecast leaves what was seen.
# * **A prior of weights.** It says how wild laws are in the scale of their inputs, not in your units.
#   Another width,
#   another band (:doc:`/when_not_to_trust_a_band`).
#
# More on models of this kind, with doses, constraints and observables: :doc:`/dae`.
