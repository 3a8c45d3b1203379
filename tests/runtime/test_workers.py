"""Work shared out among threads comes back in order, with its errors, and no thread too many."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from sentiment.runtime.workers import ahead, beside, in_order, usable_cores


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 30])
def test_answers_come_in_the_order_of_the_items(workers: int, count: int) -> None:
    def slow(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_order(slow, range(count), workers=workers)) == [n * n for n in range(count)]


def test_one_item_or_one_worker_needs_no_thread() -> None:
    def who(_item: object) -> int:
        return threading.get_ident()

    here = threading.get_ident()
    assert list(in_order(who, ["one"], workers=4)) == [here]
    assert set(in_order(who, range(5), workers=1)) == {here}
    assert here not in set(in_order(who, range(5), workers=2))


def test_items_are_taken_as_they_are_needed() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1_000):
            taken.append(number)
            yield number

    answers = in_order(lambda number: number, items(), workers=2)
    for _ in range(3):
        next(answers)
    assert len(taken) < 12


def test_an_error_comes_up_where_its_answer_would() -> None:
    def fails(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    answers = in_order(fails, range(10), workers=2)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(answers)


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    source = ahead(items())
    assert next(source) == 0
    assert made[1].wait(5)
    assert list(source) == [1, 2]


def test_an_error_while_making_an_item_comes_up_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    source = ahead(items())
    assert next(source) == 1
    with pytest.raises(ValueError, match="no more"):
        next(source)


def test_there_is_a_core() -> None:
    assert usable_cores() >= 1


def test_beside_answers_from_another_thread_and_hands_on_its_error() -> None:
    begun = threading.Event()

    def who() -> int:
        begun.set()
        return threading.get_ident()

    answer = beside(who)
    assert begun.wait(10)  # nobody has asked for the answer yet
    assert answer() != threading.get_ident()
    failing = beside(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failing()
