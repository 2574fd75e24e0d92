"""What a Problem used is given back when it is dropped."""
import subprocess
import sys
import textwrap

import pytest

SCRIPT = textwrap.dedent("""
    import gc, resource
    import numpy as np, tensorflow as tf
    import pcl

    net = pcl.MLP([1, 6, 1], output=pcl.softplus(0.1))
    x = np.linspace(0.0, 1.0, 5)[:, None]
    matrix = pcl.SparseMatrix.from_scipy(np.diag(np.arange(2.0, 7.0)))

    def loss(theta):
        u = pcl.solve(matrix * theta["s"], net(theta["net"], x)[:, 0])
        return tf.reduce_sum(u ** 2)

    def resident():
        pages = int(open("/proc/self/statm").read().split()[1])
        return pages * resource.getpagesize() / 1e6

    for i in range(50):
        problem = pcl.Problem(loss, {"net": net.init(0), "s": 1.5})
        problem.hessian(problem.theta0)
        del problem
        gc.collect()
        if i == 4:
            fifth = resident()
    print(resident() - fifth)
""")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fifty_problems_made_and_dropped_leave_no_memory_behind():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 20.0                # MB; a graph kept for each would be some 30
