"""One seam for parallel work: the same numbers for any number of workers, one BLAS thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_tasks(
    function: Callable[[T], R],
    tasks: Sequence[T],
    *,
    jobs: int = 1,
    finished: Callable[[int], None] = lambda number: None,
) -> list[R]:
    """Apply a function to every task, in order, on one or several processes.

    A task must carry its own random stream, so that the worker it lands on changes nothing.

    Parameters
    ----------
    jobs : processes; 1 runs here. Another joblib backend is chosen with
        ``joblib.parallel_config``.
    finished : called with the number of tasks done so far, after each.

    Returns
    -------
    One result a task, in the order of the tasks.
    """
    results: list[R] = []
    for result in _results(function, tasks, jobs):
        results.append(result)
        finished(len(results))
    return results


def _results(function: Callable[[T], R], tasks: Sequence[T], jobs: int) -> Iterator[R]:
    """Give results as they come, in order."""
    if jobs == 1 or len(tasks) < 2:
        yield from (_single_threaded(function, task) for task in tasks)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=min(jobs, len(tasks)), return_as="generator")
    yield from parallel(delayed(_single_threaded)(function, task) for task in tasks)


def _single_threaded(function: Callable[[T], R], task: T) -> R:
    """Run one task with BLAS pinned to one thread: sums are then added in one order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return function(task)
