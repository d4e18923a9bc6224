"""A batch is a function of the seed and the step: neither threads, processes nor restarts change one number."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.training.batches import Batches, Order, Plan, held
from bgswap.training.homes import Alone
from bgswap.training.settings import Settings


class Numbers:
    """A source whose pictures are their index and copy. broken: samples that cannot be made."""

    def __init__(self, samples: int = 20, *, each: int = 1, endless: bool = True, broken: tuple[int, ...] = ()):
        self.photos = [f"photo{number}" for number in range(samples // each)]
        self.fingerprint, self.notes, self.endless = "", [], endless
        self._samples, self._each, self._broken = samples, each, broken
        self.asked: list[tuple[int, int, tuple[int, int]]] = []
        self.threads: set[int] = set()
        self.opencv: set[int] = set()

    def __len__(self) -> int:
        return self._samples

    def photo_of(self, index: int) -> int:
        return index // self._each

    def sample(self, index, copy, size):
        self.asked.append((index, copy, size))
        self.threads.add(torch.get_num_threads())
        self.opencv.add(cv2.getNumThreads())
        if index in self._broken:
            raise PictureError("it is broken")
        picture = torch.full((3, *size), float(index))
        picture[1] = copy
        return {"image": picture, "alpha": torch.full((1, *size), index / 4), "box_true": torch.arange(5.0) + index}


@dataclass
class Seat:
    """One of several processes."""

    rank: int
    world: int
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def settings(**more) -> Settings:
    return Settings(**({"size": ((4, 6),), "batch": (4,)} | more))


def batches(source=None, *, steps=12, indices=None, home=None, **more):
    source = source or Numbers()
    chosen = {name: more.pop(name) for name in ("size", "batch", "shares") if name in more}
    plan = Plan(settings(**chosen), steps)
    return Batches(source, range(len(source)) if indices is None else indices, plan, home or Alone(), **more)


def all_of(**more) -> list[list[dict[str, torch.Tensor]]]:
    with batches(**more) as made:
        return list(made)


def ids(steps) -> list[list[tuple[int, int]]]:
    """(index, copy) of every sample of every step."""
    return [[(int(i), int(copy)) for part in step for i, copy in part["image"][:, :2, 0, 0].tolist()] for step in steps]


def same(one, other) -> bool:
    return len(one) == len(other) and all(
        mine.keys() == theirs.keys() and all(torch.equal(mine[role], theirs[role]) for role in mine)
        for ones, others in zip(one, other, strict=True)
        for mine, theirs in zip(ones, others, strict=True)
    )


def makers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("samples")]


@pytest.mark.parametrize("start", [1, 4, 5, 11, 12])
def test_a_run_that_goes_on_at_a_step_gets_the_batches_of_a_run_never_stopped(start):
    plan = {"size": ((4, 4), (6, 6)), "batch": (6, 3), "seed": 7}
    assert same(all_of(start=start, **plan), all_of(**plan)[start:])


def test_the_threads_that_make_samples_change_neither_order_nor_numbers():
    alone = all_of(source=Numbers(broken=(3, 4, 9)), workers=1, ahead=0)
    assert same(alone, all_of(source=Numbers(broken=(3, 4, 9)), workers=4, ahead=3))


@pytest.mark.parametrize(("world", "parts"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_what_all_processes_get_is_in_order_what_one_alone_gets(world, parts):
    alone = all_of(batch=(8,))
    shared = [all_of(batch=(8,), home=Seat(rank, world), accumulate=parts) for rank in range(world)]
    assert all(len(step) == parts for mine in shared for step in mine)
    for step, whole in enumerate(alone):
        pieces = [part for mine in shared for part in mine[step]]
        for role, expected in whole[0].items():
            assert torch.equal(torch.cat([piece[role] for piece in pieces]), expected)


def test_a_batch_that_cannot_be_shared_out_is_refused_with_its_numbers():
    with pytest.raises(UsageError, match=r"batch=6 .* 2 devices with accumulate=2: choose a multiple of 4"):
        batches(batch=(4, 6), size=((4, 4), (8, 8)), home=Seat(0, 2), accumulate=2)
    assert not makers()


def test_every_sample_comes_once_an_epoch_with_the_epoch_as_its_copy_in_another_order():
    taken = [one for step in ids(all_of(batch=(5,), steps=12)) for one in step]
    epochs = [taken[first : first + 20] for first in (0, 20, 40)]
    assert [sorted(epoch) for epoch in epochs] == [[(index, copy) for index in range(20)] for copy in range(3)]
    assert len({tuple(index for index, _ in epoch) for epoch in epochs}) == 3


def test_another_seed_gives_another_order():
    assert ids(all_of(seed=0)) != ids(all_of(seed=1))


def test_the_order_of_a_seed_is_the_same_for_ever():
    # written down when this was made: runs that go on under a later numpy need it
    order = Order(6, 0)
    assert [order.at(position) for position in range(8)] == [
        (0, 0), (5, 0), (3, 0), (4, 0), (2, 0), (1, 0), (4, 1), (1, 1)
    ]  # fmt: skip


def test_sizes_and_batches_follow_each_other_by_their_shares():
    made = all_of(size=((4, 4), (6, 8), (8, 8)), batch=(8, 4, 2), shares=(0.25, 0.5, 0.25), steps=8)
    assert [tuple(step[0]["image"].shape) for step in made] == (
        [(8, 3, 4, 4)] * 2 + [(4, 3, 6, 8)] * 4 + [(2, 3, 8, 8)] * 2
    )
    taken = [one for step in ids(made) for one in step]
    assert sorted(taken[:20]) == [(index, 0) for index in range(20)]  # an epoch goes on over a change of size


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 60), st.data())
def test_the_samples_before_a_step_are_those_of_the_steps_before_it(shares, steps, data):
    if not sum(shares):
        shares[0] = 1
    many = tuple(data.draw(st.integers(1, 9)) for _ in shares)
    sizes = tuple((8 * n + 8, 8) for n in range(len(shares)))
    plan = Plan(Settings(size=sizes, batch=many, shares=tuple(float(share) for share in shares)), steps)
    assert [plan.first(index) for index in range(steps + 4)] == [
        sum(plan.at(before)[1] for before in range(index)) for index in range(steps + 4)
    ]
    assert list(dict.fromkeys(plan.at(index)[0] for index in range(steps))) == plan.sizes
    assert all(later[0] >= one[0] for one, later in pairwise(plan.at(index)[0] for index in range(steps)))


def test_pictures_lie_channels_last_and_parts_are_cut_without_copying():
    (first, second), *_ = all_of(accumulate=2)
    assert first["image"].is_contiguous(memory_format=torch.channels_last)
    assert second["image"].is_contiguous(memory_format=torch.channels_last)
    assert first["image"].untyped_storage().data_ptr() == second["image"].untyped_storage().data_ptr()
    assert first["box_true"].shape == (2, 5)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_next_training_sample_stands_in_for_one_that_cannot_be_made(workers):
    source, indices = Numbers(broken=(4, 6, 18)), [0, 2, 4, 6, 8, 10, 18]
    taken = [one for step in ids(all_of(source=source, indices=indices, steps=7, workers=workers)) for one in step]
    expected = {4: 8, 6: 8, 18: 0}
    order = Order(len(indices), 0)
    asked = [order.at(position) for position in range(28)]
    assert taken == [(expected.get(indices[place], indices[place]), epoch) for place, epoch in asked]
    assert sorted(note.split(":")[0] for note in source.notes) == ["photo18", "photo4", "photo6"]  # each once
    assert "it is broken" in source.notes[0]


def test_where_more_than_a_tenth_of_the_first_samples_fail_training_stops():
    source = Numbers(200, broken=tuple(range(0, 200, 2)))
    with pytest.raises(BgswapError, match=r"1[1-9] of the first samples cannot be made.*it is broken"):
        all_of(source=source, steps=50, workers=2)
    assert not makers()


def test_where_samples_fail_only_later_training_goes_on():
    class Fading(Numbers):
        def sample(self, index, copy, size):
            if copy and index % 2:
                raise PictureError("it is broken")
            return super().sample(index, copy, size)

    source = Fading(120)
    taken = ids(all_of(source=source, steps=60))
    assert len(source.notes) == 60
    assert all(index % 2 == 0 for step in taken[30:] for index, _ in step)


def test_where_no_sample_at_all_can_be_made_training_stops():
    with pytest.raises(BgswapError, match="none of 3 samples can be made: it is broken"):
        all_of(source=Numbers(3, broken=(0, 1, 2)))


def test_what_a_thread_raises_reaches_the_caller_and_no_thread_is_left():
    class Faulty(Numbers):
        def sample(self, index, copy, size):
            if copy == 1:
                raise ZeroDivisionError("a defect")
            return super().sample(index, copy, size)

    made = batches(Faulty(), workers=3, ahead=5)
    assert len(makers()) == 3
    with pytest.raises(ZeroDivisionError, match="a defect"):
        list(made)
    assert not makers()
    assert list(made) == []


def test_an_interrupt_leaves_no_thread_behind():
    def train():
        with batches(workers=2, steps=1000) as made:
            next(made)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    assert not makers()


def test_a_run_that_is_done_leaves_no_thread_behind_even_where_nobody_closes_it():
    assert len(list(batches(workers=2))) == 12
    assert not makers()


def test_no_more_is_made_than_the_steps_ahead():
    source = Numbers()
    with batches(source, workers=2, ahead=3, steps=100) as made:
        next(made)
        next(made)
    assert len(source.asked) <= (2 + 3) * 4


@pytest.mark.parametrize("number", [1, 2])
def test_makers_use_one_core_each_and_the_training_thread_keeps_its_own(number):
    was, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(number)
    cv2.setNumThreads(number)
    try:
        source = Numbers()
        with batches(source, workers=2) as made:
            for _ in made:
                assert torch.get_num_threads() == number
                fresh = []
                one = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))  # noqa: B023
                one.start()
                one.join()
                assert fresh == [number]  # such as the threads of a backward pass
        assert source.threads == {1}
        assert source.opencv == {1}
        assert cv2.getNumThreads() == number
    finally:
        torch.set_num_threads(was)
        cv2.setNumThreads(of_opencv)


def test_validation_is_fixed_and_spread_over_all_held_out_photos():
    source = Numbers(40, each=2, endless=False)
    mine = list(range(10, 40))
    first, again = (held(source, mine, (4, 4), 5, 3, batch=2, workers=workers) for workers in (1, 2))
    assert [len(one["image"]) for one in first] == [2, 2, 1]
    assert same([first], [again])
    photos = [index // 2 for index, _ in ids([first])[0]]
    assert photos == [6, 9, 12, 15, 18]  # the middles of fifths of photos 5 to 19
    assert ids([first]) != ids([held(source, mine, (4, 4), 5, 4)])


def test_validation_takes_every_sample_of_a_folder_at_most_once():
    source = Numbers(12, each=3, endless=False)
    taken = ids([held(source, range(3, 12), (4, 4), 100, 0)])[0]
    assert sorted(index for index, _ in taken) == list(range(3, 12))
    assert {index // 3 for index, _ in taken[:3]} == {1, 2, 3}  # one of each photo first


def test_validation_on_the_fly_uses_copies_that_training_never_makes():
    taken = ids([held(Numbers(5), [1, 3], (4, 4), 7, 0)])[0]
    assert len(set(taken)) == 7
    assert all(copy < 0 for _, copy in taken)
    assert Counter(index for index, _ in taken) == {1: 4, 3: 3}
    assert all(copy >= 0 for step in ids(all_of(steps=20)) for _, copy in step)


def test_without_samples_there_is_nothing_to_train_on():
    with pytest.raises(UsageError, match="no sample"):
        batches(indices=[])
