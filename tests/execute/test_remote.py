"""Work elsewhere: in order, with few results waiting, by workers that are replaced when they die."""

import concurrent.futures
import itertools
import threading

import pytest

from pcl.execute.chosen import chosen
from pcl.execute.futures import Futures
from pcl.execute.local import Serial, Threads
from pcl.execute.processes import Processes
from pcl.execute.remote import AHEAD, TRIES, Remote, WorkerLost


class Died(Exception):
    pass


class Mortal(Remote):
    """Workers that are threads; `blows` names the calls at which one of them dies, all it had with it."""

    died = (Died,)

    def __init__(self, count, blows=(), timeout=5.0):
        super().__init__(timeout)
        self._count, self._blows, self._calls = count, set(blows), itertools.count()
        self._lives = [[threading.Lock(), True] for _ in range(count)]
        self.replaced, self.waiting, self.most = 0, 0, 0
        self._pool = concurrent.futures.ThreadPoolExecutor(count)

    @property
    def count(self):
        return self._count

    def submit(self, place, function, *arguments):
        call = next(self._calls)
        life = self._lives[(call if place is None else place) % self._count]
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        return self._pool.submit(self._run, life, call, function, arguments), life

    def _run(self, life, call, function, arguments):
        with life[0]:
            life[1] = life[1] and call not in self._blows
            if not life[1]:
                raise Died
            return function(*arguments)

    def replace(self, begun):
        for number, life in enumerate(self._lives):
            if life is begun:
                self._lives[number] = [threading.Lock(), True]
                self.replaced += 1

    def close(self):
        self._pool.shutdown(wait=False)


def square(i):
    return i * i


def test_results_come_in_order_with_few_waiting():
    workers, seen = Mortal(2), []
    for result in workers.ordered(square, range(30)):
        workers.waiting -= 1
        seen.append(result)
    assert seen == [i * i for i in range(30)]
    assert workers.most <= AHEAD * workers.count + 1


@pytest.mark.parametrize("blows", [{0}, {3}, {0, 1}, {2, 7, 9}, {29}])
def test_what_a_dead_worker_had_is_computed_again(blows):
    workers = Mortal(2, blows)
    assert list(workers.ordered(square, range(30))) == [i * i for i in range(30)]
    assert 1 <= workers.replaced <= len(blows)


def test_an_item_that_ends_every_worker_is_given_up_by_its_number():
    workers = Mortal(1, range(1, 100))
    results = workers.ordered(square, range(3))
    with pytest.raises(WorkerLost, match=f"item 1 ended {TRIES} workers") as caught:
        list(results)
    assert caught.value.number == 1


def test_an_error_of_the_function_reaches_the_caller_at_its_turn():
    results = Mortal(2).ordered(lambda i: 1 / (2 - i), range(5))
    assert [next(results), next(results)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_time_out_of_the_function_is_its_own():
    def late(i):
        raise TimeoutError("the sensor did not answer")
    with pytest.raises(TimeoutError, match="the sensor"):
        list(Mortal(1).ordered(late, [0]))


def test_a_function_and_an_item_that_cannot_be_sent_are_named():
    lock = threading.Lock()
    with pytest.raises(TypeError, match="the function cannot be sent to another process"):
        list(Mortal(1).ordered(lambda i: lock, [0]))
    with pytest.raises(TypeError, match="item 1 cannot be sent"):
        list(Mortal(1).ordered(square, [0, lock]))


@pytest.mark.parametrize("executor, kind", [
    ("serial", Serial), ("threads", Threads), ("processes", Processes), (Serial(), Serial)])
def test_names_stand_for_workers(executor, kind):
    found = chosen(executor, 3)
    assert isinstance(found, kind) and found.count == (1 if kind is Serial else 3)


def test_an_executor_of_futures_is_taken_as_it_is():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = chosen(pool, 2)
        assert isinstance(found, Futures) and list(found.ordered(square, range(9))) == [
            i * i for i in range(9)]


@pytest.mark.parametrize("arguments", [(Processes, 0), (Threads, -1), (Processes, 2, 0.0)])
def test_wrong_numbers_are_refused(arguments):
    kind, *numbers = arguments
    with pytest.raises((ValueError, TypeError)):
        kind(*numbers)
