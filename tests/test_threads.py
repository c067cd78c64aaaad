"""Stripes of a large tensor, and torch's number of threads, which is the whole process's."""

from threading import Event, Thread

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedlab.threads import in_stripes, one_thread


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@given(st.integers(0, 200), st.integers(1, 20))
def test_stripes_cover_every_piece_once_and_in_order(size, step):
    starts = [start for stripe in in_stripes(size, step, list) for start in stripe]
    assert starts == list(range(0, size, step))


def test_a_stripe_for_each_thread_where_there_is_work_for_it(three_threads):
    assert [len(stripe) for stripe in in_stripes(90, 1, list)] == [30, 30, 30]
    assert len(in_stripes(1, 1, list)) == 1


def test_within_a_stripe_torch_has_one_thread(three_threads):
    assert in_stripes(90, 1, lambda _: torch.get_num_threads()) == [1, 1, 1]
    assert torch.get_num_threads() == 3


def test_what_a_stripe_raises_is_raised(three_threads):
    with pytest.raises(ZeroDivisionError):
        in_stripes(90, 1, lambda starts: 1 // (starts[0] - 30))
    assert torch.get_num_threads() == 3


def test_blocks_that_overlap_leave_the_number_as_it_was(three_threads):
    second_came, first_left = Event(), Event()

    def second() -> None:
        with one_thread():
            second_came.set()
            first_left.wait()

    with one_thread():
        other = Thread(target=second)
        other.start()
        second_came.wait()
    first_left.set()
    other.join()
    assert torch.get_num_threads() == 3
    seen = []
    third = Thread(target=lambda: seen.append(torch.get_num_threads()))
    third.start()
    third.join()
    assert seen == [3]
