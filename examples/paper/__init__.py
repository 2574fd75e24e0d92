"""The experiments of "A Simultaneous Approach for Training Neural Differential-Algebraic Systems of
Equations" (arXiv:2504.04665), made again: `python -m examples.paper`.

Each module is one experiment. It states what is run, `rows(log, sizes)`, keeps every finished row in the
log, and makes its page and figure from rows alone.
"""
