"""All experiments, their pages, and the page of claims."""

from examples.paper import (ablation, automatic, claims, decomposition, fed_batch, hybrid, limitations,
                            population, tanks)
from examples.paper.log import Log
from examples.paper.page import grid, write

EXPERIMENTS = {module.NAME: module for module in (
    tanks, ablation, fed_batch, population, hybrid, decomposition, automatic, limitations)}


def main(out, log, only=tuple(EXPERIMENTS), quick=False, progress=None):
    """Run what is missing in the log and write pages and figures into `out`.

    Parameters
    ----------
    out, log : pathlib.Path, of a folder and of the file of finished rows
    only : names of experiments
    quick : bool, tiny sizes
    progress : function of a string

    Returns
    -------
    dict {experiment: rows}
    """
    out.mkdir(parents=True, exist_ok=True)
    finished, found = Log(log, progress), {}
    for name in only:
        module = EXPERIMENTS[name]
        found[name] = module.rows(finished, module.QUICK if quick else module.SIZES)
        picture = out / f"{name}.png"
        module.draw(found[name], picture)
        module.page(found[name], out, picture)
    _readme(out, found)
    return found


def _readme(out, found):
    pages = [f"* [{EXPERIMENTS[name].TITLE}]({name}.md)" for name in found]
    write(out / "README.md", "The paper, made again", _TEXT, "\n".join(pages), "## Claims",
          grid(("claim", "where", "numbers", "here"), claims.of_all(found)), _NOTES)


_TEXT = """The experiments of "A Simultaneous Approach for Training Neural Differential-Algebraic
Systems of Equations" (arXiv:2504.04665), with `pcl.dae`. One command makes every table and figure
again, and goes on after an interruption:

    OPENBLAS_NUM_THREADS=1 python -m examples.paper

Systems are those of the paper's three case studies, with data made from their truth: three trajectories
of tanks and fed batch, one of the populations, 40 readings of each state a trajectory if nothing else
is said, networks of about 150 weights, one or two seeds of
noise and weights, as the pages say."""

_NOTES = """Claims are taken from a summary of the paper that states few numbers, so that most of them
are judged by what was measured here alone. Most rows
are of one seed, which shows what can happen and not how often; seconds are those of one processor that
others shared. The paper solves with
IPOPT (Pyomo.DAE), here it is `pcl.interior_point` with another treatment of the Newton system: what is
said of the cost of an exact Hessian is said of that. IPOPT itself, on the same programs, is in
[performance.md](../performance.md#neural-daes)."""
