"""Timed comparisons with other libraries; run one with ``python -m benchmarks.<name>``."""
