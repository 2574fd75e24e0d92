"""One run of training: evaluated points, iterations, stop tests, history, and why it ended."""
