"""HMC, NUTS and MALA: kernels of TensorFlow Probability on an exact gradient, in whitened coordinates."""

from __future__ import annotations

import concurrent.futures

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from pcl.support.types import Array
from pcl.uncertainty.sampling.density import Whitened
from pcl.uncertainty.sampling.state import RECORDED, Chain, Settings, Steps

DIVERGED = 1000.0       # of energy lost in a step; Stan's and NUTS' own
DEPTH = 10              # of the trees of NUTS: up to 1023 gradients a step
LONGEST = np.pi         # of a trajectory of hmc: half a turn around a normal density of deviation 1
MOST = 32               # its leapfrog steps: where shorter ones help nothing, as at an edge of the domain

# A step waits for the density, which is TensorFlow again: on one pool of one thread both would wait
# for each other for ever. So the graph of steps runs in a session with a thread of its own.
_OWN_THREADS = tf.compat.v1.ConfigProto(use_per_session_threads=True, inter_op_parallelism_threads=1,
                                        intra_op_parallelism_threads=1)


class Hamiltonian:
    """Chains by Hamiltonian trajectories of z, with momentum of covariance 1: the Hessian of the peak
    as mass matrix in θ.

        nuts   trajectories until they turn back
        hmc    trajectories of random length up to π and 32 leapfrog steps, so that none comes back to
               where it began
        mala   one leapfrog step, which is Langevin's proposal z + ½ε² ∇log p + ε ξ

    The step ε is adapted during the warm-up by dual averaging.

    Source: M. Hoffman and A. Gelman, 2014, The No-U-Turn sampler; R. Neal, 2011, MCMC using Hamiltonian
    dynamics, section 5.5.2 for MALA and 3.2 for the random lengths.
    """

    def __init__(self, density: Whitened, settings: Settings):
        self._density, self._settings = density, settings
        with tf.Graph().as_default() as graph:
            self._kernel = tfp.mcmc.DualAveragingStepSizeAdaptation(
                self._inner(), num_adaptation_steps=settings.warmup,
                target_accept_prob=tf.constant(settings.acceptance, tf.float64))
            self._z = tf.compat.v1.placeholder(tf.float64, (density.size,))
            self._like = self._kernel.bootstrap_results(self._z)
            self._begun = tf.nest.flatten(self._like)
            self._results = [tf.compat.v1.placeholder(each.dtype, each.shape) for each in self._begun]
            self._where = [tf.compat.v1.placeholder(tf.int32, ()) for _ in range(3)]
            self._after = self._steps(self._z, self._results, *self._where)
        self._session = tf.compat.v1.Session(graph=graph, config=_OWN_THREADS)

    def _inner(self):
        start = tf.constant(self._density.size ** -0.25, tf.float64)
        if self._settings.method == "nuts":
            return tfp.mcmc.NoUTurnSampler(self._target, start, max_tree_depth=DEPTH,
                                           max_energy_diff=DIVERGED)
        return tfp.mcmc.HamiltonianMonteCarlo(self._target, start, num_leapfrog_steps=1)

    def _target(self, z):
        value, gradient = tf.numpy_function(self._arrays, [z], [tf.float64] * 2)
        value.set_shape(())
        gradient.set_shape(z.shape)
        value, gradient, here = map(tf.stop_gradient, (value, gradient, z))
        return value + tf.tensordot(gradient, z - here, 1)      # the value, and its gradient by z

    def _arrays(self, z):
        value, gradient = self._density.value_and_gradient(z)
        return np.float64(value), gradient

    # --- traced --------------------------------------------------------------------------------
    def _steps(self, z, results, done, count, seed):
        """z, results, records and the size of steps after `count` of them."""
        recorded = [tf.TensorArray(kind, count, element_shape=shape) for kind, shape in (
            (tf.float64, z.shape), (tf.float64, ()), (tf.float64, ()), (tf.bool, ()))]

        def step(i, z, results, recorded):
            shorter, own = tf.unstack(tfp.random.split_seed(tf.stack([seed, done + i]), n=2))
            z, results = self._kernel.one_step(z, self._of_length(results, shorter), seed=own)
            values = (z, *self._judged(results.inner_results))
            return i + 1, z, results, [all.write(i, value) for all, value in zip(recorded, values)]

        results = tf.nest.pack_sequence_as(self._like, results)
        _, z, results, recorded = tf.while_loop(lambda i, *_: i < count, step, (0, z, results, recorded),
                                                parallel_iterations=1)
        return (z, tf.nest.flatten(results), {name: all.stack() for name, all in zip(RECORDED, recorded)},
                results.new_step_size)

    def _of_length(self, results, seed):
        """For HMC, a number of leapfrog steps for a trajectory of random length."""
        if self._settings.method != "hmc":
            return results
        outer, accepted = results.inner_results, results.inner_results.accepted_results
        length = tf.random.stateless_uniform((), seed, maxval=LONGEST, dtype=tf.float64)
        count = tf.clip_by_value(tf.math.ceil(length / results.new_step_size), 1.0, MOST)
        return results._replace(inner_results=outer._replace(
            accepted_results=accepted._replace(num_leapfrog_steps=tf.cast(count, tf.int32))))

    def _judged(self, results):
        """log p, probability of acceptance, divergence of the step that ended in these results."""
        acceptance = tf.exp(tf.minimum(results.log_accept_ratio, 0.0))
        if self._settings.method == "nuts":
            return results.target_log_prob, acceptance, results.has_divergence
        value = results.accepted_results.target_log_prob
        return value, acceptance, results.log_accept_ratio < -DIVERGED

    # --- chains --------------------------------------------------------------------------------
    def begin(self, chain: int, z: Array) -> tuple:
        return (z, *self._computed(self._begun, {self._z: z}))

    def steps(self, chain: Chain, count: int) -> Steps:
        before = self._density.density.failed
        z, results, drawn, step = self._computed(self._after, {
            self._z: chain.state[0], **dict(zip(self._results, chain.state[1:])),
            **dict(zip(self._where, (chain.done, count, self._settings.chain_seed(chain.number))))})
        return Steps((z, *results), drawn, float(step), self._density.density.failed - before)

    def _computed(self, what, given):
        """Tensors of the graph, in a thread, so that Ctrl-C is heard while TensorFlow computes."""
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            future = thread.submit(self._session.run, what, given)
            try:
                found = future.result()
            except BaseException:
                self._density.stop()
                concurrent.futures.wait([future])
                self._density.check()
                raise
        self._density.check()
        return found
