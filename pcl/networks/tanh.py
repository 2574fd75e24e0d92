"""tanh of many numbers in a few products each, where the processor has no fast one of NumPy's.

    tanh(k/s + b) = (t + τ)/(1 + t τ),   t = tanh(k/s) from a table,   τ = tanh b,   |b| ≤ 1/2s

with s = 128 and k the nearest whole number to s z; then τ = b − b³/3 + c b⁵ to 1e-17 relative, b and k
are exact, and the result is within four units in the last place (small z keep all their digits, as
t = 0 there). NumPy's own is vectorised for AVX-512 and takes eight to twenty times as long without it,
most of the time of a network in all.

Source: addition theorem; the constant of b⁵ is 2/15 less what b⁷ would add in the middle.
"""

import numpy as np

from pcl.networks.workspace import workspace

# Steps of the table in a unit, and where it ends: tanh 20 = 1 in float64.
STEPS, END = 128.0, 20
_N = int(END * STEPS)
_TABLE = np.tanh(np.arange(-_N, _N + 1) / STEPS)

# k + _N in the last bits of a float: adding 3·2⁵¹ rounds to whole numbers.
_WHOLE = 1.5 * 2.0**52
_BITS = np.float64(_WHOLE).view(np.int64)
_SHIFT = _WHOLE + _N

# τ in units of 1/s.
_C1, _C3 = 1.0 / STEPS, -1.0 / 3.0 / STEPS**3
_C5 = (2.0 / 15.0 - 17.0 / 315.0 * 0.9 * (0.5 / STEPS)**2) / STEPS**5

# Entries that are treated at a time: four arrays of 128 KB.
PART = 2**14


def _is_fast():
    """Whether NumPy has a vectorised tanh for this processor; where it does not say, it is taken to."""
    introspect = getattr(np.lib, "introspect", None)
    if introspect is None:
        return True
    found = introspect.opt_func_info(func_name="^tanh$", signature="^float64").get("tanh", {})
    targets = {str(of_type["current"]) for of_type in found.values()}
    return not targets & {"X86_V3", "FMA3__AVX2"} and not any("baseline(X86" in t for t in targets)


FAST = _is_fast()


def tanh(z: np.ndarray, out: np.ndarray) -> np.ndarray:
    """tanh z of a float64 array, into `out`, which may be z itself; NaN and ±inf as NumPy has them."""
    if FAST or not (z.flags.c_contiguous and out.flags.c_contiguous):
        return np.tanh(z, out=out)
    flat, result = z.reshape(-1), out.reshape(-1)
    for start in range(0, flat.size, PART):
        part = slice(start, start + PART)
        from_table(flat[part], result[part])
    return out


def from_table(z: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The same for a vector, by the table."""
    space = workspace()
    s, k, t = (space.take(("tanh", i), z.size) for i in range(3))
    np.multiply(z, STEPS, out=s)
    np.minimum(s, _N, out=s)
    np.maximum(s, -_N, out=s)
    np.add(s, _SHIFT, out=k)
    np.take(_TABLE, k.view(np.int64) - _BITS, out=t, mode="clip")
    k -= _SHIFT
    s -= k                              # b s
    np.multiply(s, s, out=k)
    np.multiply(k, _C5, out=out)
    out += _C3
    out *= k
    out += _C1
    out *= s                            # τ
    np.multiply(out, t, out=k)
    k += 1.0
    out += t
    out /= k
    return out
