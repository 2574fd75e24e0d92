"""Finished rows of experiments, one JSON object a line: each is computed once."""

import json

import numpy as np


class Log:
    """Rows by their key, in a file of lines {"key": …, "row": …}.

    A line that was cut off by an interruption is left out, and its row is made again.

    Parameters
    ----------
    path : pathlib.Path, made with its first row
    progress : function of a string, told of every row that is made
    """

    def __init__(self, path, progress=None):
        self._path, self._progress = path, progress or (lambda words: None)
        self._rows = dict(self._read()) if path.exists() else {}

    def _read(self):
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                found = json.loads(line)
            except json.JSONDecodeError:
                continue
            yield _text(found["key"]), found["row"]

    def row(self, key, make):
        """The row of a key (dict of numbers and strings); make() -> dict if it is not there yet."""
        text = _text(key)
        if text not in self._rows:
            line = json.dumps({"key": key, "row": {**key, **make()}}, default=_plain)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" * self._cut() + line + "\n")
            self._rows[text] = json.loads(line)["row"]
            self._progress(text)
        return self._rows[text]

    def _cut(self):
        """Whether the file ends in the middle of a line."""
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        return bool(text) and not text.endswith("\n")


def _text(key):
    return json.dumps(key, sort_keys=True)


def _plain(value):
    """Arrays and numbers of NumPy as JSON has them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item()
