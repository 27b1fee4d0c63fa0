import threading
import time

import pytest

from tutorial_lib.threads import Behind, ahead


def test_the_same_items_in_the_same_order():
    assert list(ahead(iter(range(50)), most=3)) == [*range(50)]
    assert list(ahead(iter([]))) == []


def test_what_comes_next_is_fetched_early_but_not_too_much_of_it():
    fetched = []

    def source():
        for number in range(20):
            fetched.append(number)
            yield number

    items = ahead(source(), most=3)
    assert next(items) == 0
    deadline = time.monotonic() + 10
    while len(fetched) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    assert fetched == [0, 1, 2, 3]      # the first, and three in advance
    items.close()


def test_it_works_in_another_thread():
    def source():
        yield threading.current_thread()

    done = []
    with Behind(lambda: done.append(threading.current_thread())) as later:
        later()
    assert threading.current_thread() not in (*ahead(source()), *done)


def test_an_error_comes_after_the_items_before_it():
    def source():
        yield 1
        raise ValueError("broken")

    items = ahead(source())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_everything_is_done_when_the_block_ends_and_in_order():
    done = []

    def slow(number):
        time.sleep(0.002)
        done.append(number)

    with Behind(slow) as later:
        for number in range(20):
            later(number)
    assert done == [*range(20)]


def test_a_caller_that_is_too_far_ahead_waits():
    go, done = threading.Event(), []

    def held(number):
        go.wait(10)
        done.append(number)

    with Behind(held, most=2) as later:
        later(0)
        later(1)
        assert done == []
        threading.Timer(0.05, go.set).start()
        later(2)
        assert done[:1] == [0]


def test_the_error_of_a_call_ends_the_block():
    calls = []

    def fail(number):
        calls.append(number)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Behind(fail, most=2) as later:
        for number in range(100):
            later(number)
    assert len(calls) < 10


def test_the_error_of_the_last_call_is_not_lost():
    def fail():
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Behind(fail) as later:
        later()


def test_a_block_that_fails_drops_what_has_not_begun():
    done, begun = [], threading.Event()

    def slow(number):
        begun.set()
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(KeyboardInterrupt), Behind(slow, most=10) as later:
        for number in range(8):
            later(number)
        begun.wait(10)
        raise KeyboardInterrupt
    assert len(done) < 8
