"""Parallel work: the same numbers, in order, on one thread each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from causal.execution import map_tasks


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_tasks(jobs):
    tasks = list(range(7))
    assert map_tasks(math.sqrt, tasks, jobs=jobs) == [math.sqrt(task) for task in tasks]


def test_no_tasks_give_no_results():
    assert map_tasks(math.sqrt, [], jobs=2) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told_after_each_task(jobs):
    seen: list[int] = []
    map_tasks(math.sqrt, [1, 2, 3], jobs=jobs, finished=seen.append)
    assert seen == [1, 2, 3]


def test_blas_has_one_thread_inside_a_task_and_its_own_number_after():
    np.ones((2, 2)) @ np.ones((2, 2))  # loads BLAS

    def threads(task: int) -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info()]

    before = threads(0)
    assert set(map_tasks(threads, [0])[0]) == {1}
    assert threads(0) == before


def test_an_error_in_a_task_reaches_the_caller():
    with pytest.raises(ValueError, match=r"domain|nonnegative"):
        map_tasks(math.sqrt, [1, -1], jobs=2)
