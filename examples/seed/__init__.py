"""The experiments of "Training Deep Neural Networks with Trust-Region Methods", made again.

`static_poisson`, `heat` and `fem_poisson` each state a problem and compare the methods from one
start; `python -m examples.seed.experiments` makes all tables and figures.
"""
