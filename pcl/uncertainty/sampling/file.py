"""Chains in a file that can be gone on from, as training runs are: .npz, no pickle, written whole."""

from __future__ import annotations

import dataclasses

import numpy as np

from pcl.training.checkpoint.file import CheckpointError, read_checkpoint, write
from pcl.uncertainty.sampling.density import Reference
from pcl.uncertainty.sampling.state import RECORDED, Chain, Settings

FORMAT = "pcl file of chains"


def identity(reference: Reference, log_density: float) -> dict:
    """{name: array} by which a density and its reference are known again."""
    probe = np.cos(np.arange(reference.center.size))
    return {"center": reference.center, "spread": reference.theta(probe), "peak": np.array(log_density)}


def write_chains(path, settings: Settings, known: dict, chains: list[Chain]) -> None:
    """Replace the file; OSError if that fails."""
    arrays = dict(known)
    for chain in chains:
        arrays |= {f"{chain.number}_state_{i}": value for i, value in enumerate(chain.state)}
        arrays |= {f"{chain.number}_{name}": chain.drawn[name] for name in RECORDED}
    numbers = [[chain.number, chain.done, len(chain.state), chain.failed, chain.step] for chain in chains]
    write(path, {"format": FORMAT, "settings": dataclasses.asdict(settings), "chains": numbers}, arrays)


def read_chains(path, settings: Settings, known: dict) -> list[Chain]:
    """The chains in a file; CheckpointError if it holds others."""
    file = read_checkpoint(path, FORMAT)
    for name, value in dataclasses.asdict(settings).items():
        there = file.meta["settings"][name]
        if there != value:
            raise CheckpointError(f"{file.path} holds chains with {name}={there!r}; "
                                  f"this run has {value!r}. Sample anew without resume.")
    for name, value in known.items():
        there = file.arrays[name]
        if there.shape != value.shape or not np.allclose(there, value, rtol=1e-9, atol=1e-12):
            raise CheckpointError(f"{file.path} holds chains of another problem or posterior ({name} "
                                  "differs). Sample anew without resume.")
    return [_chain(file.arrays, *numbers) for numbers in file.meta["chains"]]


def _chain(arrays, number, done, parts, failed, step):
    state = tuple(arrays[f"{number}_state_{i}"] for i in range(parts))
    drawn = {name: arrays[f"{number}_{name}"] for name in RECORDED}
    return Chain(number, done, state, drawn, step, failed)
