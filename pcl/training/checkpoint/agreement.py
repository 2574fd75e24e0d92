"""Whether a file belongs to the run that wants to go on from it."""

import hashlib

import numpy as np

from pcl.training.checkpoint.file import CheckpointError, versions

_REMEDY = "To go on from its best point instead, start anew with x0=read_checkpoint(path).x."


def describe(problem, method, options):
    """What must be the same in both runs, for JSON: method, its options, the blocks of θ."""
    slices = getattr(problem, "slices", None) or {}
    shapes = getattr(getattr(problem, "blocks", None), "shapes", {})
    return {"method": method,
            "options": {name: _plain(value) for name, value in sorted(options.items())},
            "problem": {"size": int(problem.size), "blocks": [
                [name, block.start, block.stop, list(shapes.get(name, []))]
                for name, block in slices.items()]}}


def _plain(value):
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if callable(value):
        return f"function {getattr(value, '__qualname__', type(value).__name__)}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    array = np.ascontiguousarray(value)
    if array.ndim == 0 or array.size == 1 and np.ndim(value) == 0:
        return array.ravel()[0].item()
    return f"array {np.shape(value)} {hashlib.sha256(array.tobytes()).hexdigest()}"


def require_agreement(checkpoint, about, fixed):
    """CheckpointError that names what differs: versions, method, options, blocks, bounds."""
    meta, path = checkpoint.meta, checkpoint.path
    for package, now in versions().items():
        then = meta["versions"].get(package)
        if then != now:
            raise CheckpointError(f"{path} was written with {package} {then}, this is {now}, so "
                                  f"the run cannot go on to the last digit. {_REMEDY}")
    if meta["method"] != about["method"]:
        raise CheckpointError(f"{path} holds a run of {meta['method']}, not of "
                              f"{about['method']}. {_REMEDY}")
    if meta["problem"] != about["problem"]:
        raise CheckpointError(f"{path} is of another problem: {_blocks(meta)}, here "
                              f"{_blocks(about)}.")
    for name in sorted(set(meta["options"]) | set(about["options"])):
        then, now = meta["options"].get(name), about["options"].get(name)
        if then != now:
            raise CheckpointError(f"{path} was written with options[{name!r}] = {then!r}, now it "
                                  f"is {now!r}. Use the same options. {_REMEDY}")
    _require_bounds(checkpoint, fixed)


def _require_bounds(checkpoint, fixed):
    for side in ("lower", "upper"):
        if (side in checkpoint.arrays) != (side in fixed) or side in fixed and \
                not np.array_equal(checkpoint.arrays[side], fixed[side]):
            raise CheckpointError(f"{checkpoint.path} was written with other bounds ({side}). "
                                  f"Use the same bounds. {_REMEDY}")


def _blocks(about):
    problem = about["problem"]
    names = ", ".join(f"{name} {tuple(shape)}" for name, _, _, shape in problem["blocks"])
    return f"{problem['size']} parameters" + (f" ({names})" if names else "")


def require_same_start(checkpoint, loss, gradient):
    """CheckpointError unless loss and gradient at the start are the same, bit for bit."""
    then = float(checkpoint.arrays["start_loss"])
    if then != loss:
        different = f"the loss at its start is {then!r}, here {loss!r}"
    elif not np.array_equal(checkpoint.arrays["start_gradient"], gradient):
        different = "the loss at its start is the same, but not the gradient"
    else:
        return
    raise CheckpointError(f"{checkpoint.path} is of another problem or data, or of another "
                          f"machine or number of threads: {different}. {_REMEDY}")
