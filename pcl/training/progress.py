"""A progress bar with loss and gradient norm."""

import sys


class Progress:
    """tqdm bar over `total` iterations.

    Parameters
    ----------
    enabled : bool or None
        None: only when the standard error stream is a terminal.
    """

    def __init__(self, enabled, total, label):
        if enabled is not None and not isinstance(enabled, bool):
            raise TypeError(f"progress is {enabled!r}; expected True, False or None "
                            "(None: only on a terminal).")
        self._bar = None
        if sys.stderr.isatty() if enabled is None else enabled:
            from tqdm.auto import tqdm
            self._bar = tqdm(total=total, desc=label, file=sys.stderr, leave=True)

    def update(self, snapshot):
        """Show one more iteration."""
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"loss {snapshot.loss:.4e}, |g| {snapshot.gradient_norm:.2e}", refresh=False)
            self._bar.update(1)

    def advance(self, count, words):
        """Show `count` more iterations, and words about the last."""
        if self._bar is not None:
            self._bar.set_postfix_str(words, refresh=False)
            self._bar.update(count)

    def close(self):
        """Leave the last state on the screen."""
        if self._bar is not None:
            self._bar.close()
