"""Checks at the door: what comes in is a finite float64 array of the stated shape."""

import numbers

import numpy as np
import scipy.sparse as sp

from pcl.errors import NotFinite
from pcl.support.arrays import with_short_numbers
from pcl.support.nearest import nearest


def float64_array(name, value, shape=None, finite=True):
    """A new, C-contiguous float64 copy of `value`.

    Lists, integers, other float widths, byte orders and memory layouts, read-only arrays
    and TensorFlow tensors or variables that have a value are accepted; the input is never written
    to and never kept.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    shape : tuple, optional
        Expected shape; an entry None stands for any length. Nothing is broadcast.
    finite : bool
        Refuse NaN and infinity.

    Raises
    ------
    TypeError
        Complex, object or text data; a tensor without a value.
    ValueError
        Masked entries, rows of different lengths, another shape, or (NotFinite) entries that are
        not finite.
    """
    raw = value
    if type(value) is not np.ndarray or value.dtype != np.float64:
        raw = _raw(name, value)
        _require_real(name, value, raw.dtype)
    array = np.array(raw, dtype=np.float64, order="C")
    if shape is not None and not _matches(array.shape, shape):
        raise ValueError(f"{name} has shape {array.shape}; expected {_text(shape)}. "
                         "Nothing is broadcast: reshape it first.")
    if finite:
        require_finite(name, array)
    return array


def float64_sparse(name, matrix):
    """A new CSR array with float64 entries of a sparse or dense matrix (m, n), sorted in each row.

    Its numbers are short integers where they fit, so that products meet one kind.

    Raises
    ------
    TypeError
        Complex, object or text data.
    ValueError
        Not a matrix, or (NotFinite) entries that are not finite.
    """
    if not sp.issparse(matrix):
        return with_short_numbers(sp.csr_array(float64_array(name, matrix, shape=(None, None))))
    _require_real(name, matrix, matrix.dtype)
    if matrix.ndim != 2:
        raise ValueError(f"{name} has shape {matrix.shape}; expected a matrix (m, n).")
    csr = sp.csr_array(matrix, dtype=np.float64, copy=True)
    require_finite(f"{name} (its stored entries)", csr.data)
    csr.sort_indices()
    return with_short_numbers(csr)


def require_finite(name, array):
    """Raise NotFinite with the count and the first index unless every entry is finite."""
    finite = np.isfinite(array)
    if not np.all(finite):
        bad = ~finite
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f", first at index {first if len(first) != 1 else first[0]}" if first else ""
        raise NotFinite(f"{name} has {int(bad.sum())} of {array.size} entries that are NaN or "
                        f"infinite{place}.")


def positive_integer(name, value, minimum=1, maximum=None):
    """`value` as an int, refused unless it is a whole number from `minimum` to `maximum`."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    whole = real and float(value).is_integer()
    if not whole or value < minimum or (maximum is not None and value > maximum):
        bounds = f"≥ {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} is {value!r}; expected a whole number {bounds}.")
    return int(value)


def positive_number(name, value, zero=False):
    """`value` as a float > 0, or ≥ 0 with `zero`."""
    wanted = f"a number {'≥' if zero else '>'} 0"
    if isinstance(value, str) or value is None:
        raise TypeError(f"{name} is {value!r}; expected {wanted}.")
    number = float(float64_array(name, value, shape=()))
    if number < 0.0 or (number == 0.0 and not zero):
        raise ValueError(f"{name} is {number:g}; expected {wanted}.")
    return number


def whole_numbers(name, value, n):
    """`value` as an int64 array (m,), refused unless whole and within 0 … n − 1.

    Raises
    ------
    TypeError, ValueError, IndexError
        Not whole numbers; not a vector; out of range (with the place and the number).
    """
    array = _raw(name, value)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; expected whole numbers.")
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected a vector of numbers.")
    bad = np.flatnonzero((array < 0) | (array >= n))
    if bad.size:
        raise IndexError(f"{name}[{bad[0]}] is {array[bad[0]]}; expected numbers from 0 to "
                         f"{n - 1}.")
    return array.astype(np.int64)


def known(name, value, choices):
    """`value` if it is one of `choices`, else a ValueError that lists them."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; known are {', '.join(sorted(choices))}."
                         f"{nearest(value, choices)}")
    return value


def require_free(kind, name, taken):
    """Refuse a name that is no string, empty, or taken in upper or lower case."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a {kind} is {name!r}; expected a string.")
    if name.lower() in {other.lower() for other in taken}:
        raise ValueError(f"{kind} {name!r} exists already; taken are {', '.join(sorted(taken))}. "
                         "Choose another name.")


def _raw(name, value):
    """`value` as an array of whatever dtype; masked, ragged or symbolic data are refused."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.count_masked(value):
        count = np.ma.count_masked(value)
        raise ValueError(f"{name} is a masked array with {count} masked "
                         f"{'entry' if count == 1 else 'entries'}, which have no value here. Pass "
                         f"{name}.filled(...); observations are left out of a misfit by "
                         "weights = ~mask.")
    if hasattr(value, "dtype") and not isinstance(value, (np.ndarray, np.generic)):
        value = _tensor_value(name, value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is a {type(value).__name__} whose parts have different shapes; "
                         "expected one array of numbers.") from error


def _tensor_value(name, value):
    """The value of a TensorFlow tensor or variable, also while a model is traced."""
    import tensorflow as tf
    if isinstance(value, tf.Variable):
        with tf.init_scope():
            return value.numpy()
    if not tf.is_tensor(value) or hasattr(value, "numpy"):
        return value.numpy() if hasattr(value, "numpy") else value
    static = tf.get_static_value(value)
    if static is None:
        raise TypeError(f"{name} is a tensor without a value while the model is traced; expected "
                        "data that do not depend on the parameters, such as a NumPy array.")
    return static


def _require_real(name, value, dtype):
    if dtype.kind in "biuf":
        return
    array = isinstance(value, (list, tuple)) or hasattr(value, "dtype")
    given = f"has dtype {dtype}" if array else f"is {_article(type(value).__name__)}"
    raise TypeError(f"{name} {given}; expected real numbers that convert to float64.")


def _article(noun):
    return f"an {noun}" if noun[:1].lower() in "aeio" else f"a {noun}"


def _matches(given, expected):
    return len(given) == len(expected) and all(
        e is None or g == e for g, e in zip(given, expected))


def _text(shape):
    entries = ", ".join("any" if n is None else str(n) for n in shape)
    return f"({entries}{',' if len(shape) == 1 else ''})"
