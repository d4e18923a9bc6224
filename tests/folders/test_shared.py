import threading

import pytest

from bgswap.folders.shared import Shared


def test_a_value_is_made_once_however_many_threads_ask_at_a_time():
    made, gate, shared = [], threading.Event(), Shared(100)

    def make():
        gate.wait(5)
        made.append(1)
        return "value", 10

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(shared.get("key", make))) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert answers == ["value"] * 4
    assert len(made) == 1


def test_the_longest_unused_goes_first_when_the_bytes_are_too_many():
    made, shared = [], Shared(25)

    def ask(key):
        return shared.get(key, lambda: (made.append(key) or key, 10))

    for key in ("a", "b", "a", "c"):  # 30 bytes: b was used before a
        ask(key)
    for key in ("a", "c"):
        ask(key)
    assert made == ["a", "b", "c"]
    ask("b")
    assert made == ["a", "b", "c", "b"]


def test_a_value_larger_than_the_limit_is_given_and_not_kept_beside_the_next():
    shared = Shared(5)
    assert shared.get("large", lambda: ("x", 50)) == "x"
    assert shared.get("next", lambda: ("y", 50)) == "y"
    assert shared.get("large", lambda: ("again", 50)) == "again"


def test_what_making_raises_everybody_gets():
    shared = Shared(5)

    def fail():
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            shared.get("key", fail)
