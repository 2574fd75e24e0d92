"""Do threads that share one Problem ever get a wrong product with its Hessian?

    u_{k+1} = a A u_k + f_k + sin(b u_k)/10,     ℓ = Σ_k |u_k|²,     θ = (a, b, u₀, f)

Random directions are multiplied by several threads at one θ, the interpreter switching between them as
often as it can, and compared with the dense Hessian of another Problem. Expected: 0 wrong. Run from the
root of the project:

    python -m benchmarks.threads --products 10000 --threads 4
"""
import argparse
import sys
import threading
from time import perf_counter

import numpy as np
import tensorflow as tf

import pcl

A = np.array([[0.9, -0.2], [0.3, 0.7]])
SHORTEST_INTERVAL = 1e-6
RELATIVE = 1e-10


def recurrence(n_steps=6, memory=10 ** 9):
    """The problem above."""
    def loss(theta):
        def step(u, f):
            return theta["a"] * tf.linalg.matvec(A, u) + f + 0.1 * tf.sin(theta["b"] * u)
        return tf.reduce_sum(pcl.scan(step, theta["u0"], (theta["f"],), memory=memory) ** 2)
    return pcl.Problem(loss, {"a": np.array([0.9, 1.1]), "b": np.array([0.4, 0.3]),
                              "u0": np.array([1.0, -0.5]),
                              "f": np.linspace(0, 1, 2 * n_steps).reshape(n_steps, 2)})


def at_once(work, n_threads):
    """[work(i) of thread i], the interpreter switching between the threads as often as it can."""
    answers, interval = [None] * n_threads, sys.getswitchinterval()

    def answer(i):
        answers[i] = work(i)
    threads = [threading.Thread(target=answer, args=(i,)) for i in range(n_threads)]
    sys.setswitchinterval(SHORTEST_INTERVAL)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return answers


def wrong_products(n_products, n_threads, seed=0):
    """(how many products were wrong, the largest relative error)."""
    shared, H = recurrence(), recurrence().hessian(recurrence().theta0)
    V = np.random.default_rng(seed).normal(size=(n_products, shared.size))
    products = np.full_like(V, np.nan)

    def multiply(thread):
        for i in range(thread, n_products, n_threads):
            products[i] = shared.hvp(shared.theta0, V[i])
    at_once(multiply, n_threads)
    expected = V @ H
    errors = np.abs(products - expected).max(axis=1) / np.abs(expected).max(axis=1)
    return int(np.sum(~(errors <= RELATIVE))), float(errors.max())


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Products with the Hessian from threads on one Problem.")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args(arguments)
    start = perf_counter()
    wrong, largest = wrong_products(options.products, options.threads)
    print(f"{options.products} products from {options.threads} threads: {wrong} wrong, "
          f"largest relative error {largest:.1e}, {perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
