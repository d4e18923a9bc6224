"""The two forms of placing: strips of full-size pixels, and batches of tensors."""

import numpy as np
import pytest
import torch

from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import placement_matrix
from bgswap.compositing.outline import trace
from bgswap.compositing.resample import PlacedCutout, matrix_tensor, place_tensor

WAYS = {
    "shrunk": ((240, 300), Place(0.5, 0.95, 0.6)),
    "shrunk much": ((100, 150), Place(0.4, 0.95, 0.4)),
    "enlarged": ((700, 500), Place(0.5, 0.95, 0.9)),
    "turned": ((600, 500), Place(0.5, 0.95, 0.7, 12)),
    "mirrored and turned": ((400, 450), Place(0.4, 0.9, 0.5, -7, True)),
    "mirrored": ((400, 450), Place(0.4, 0.9, 0.4, 0, True)),
    "beyond the frame": ((400, 450), Place(0.05, 1.1, 1.1)),
}


def both(person: np.ndarray, place: Place, frame: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Premultiplied (h, w, 4) in levels of 255: by strips, and as a tensor."""
    outline = trace(person)
    assert outline is not None
    top = np.iinfo(person.dtype).max
    matrix = placement_matrix(place, outline, frame)
    foreground, alpha = PlacedCutout(person, matrix, outline, frame).piece(0, 0, *frame, person.dtype)
    cover = alpha[..., None] / top
    strips = np.dstack([foreground * cover, alpha]) * (255 / top)
    unit = torch.from_numpy((person / np.float32(top)).transpose(2, 0, 1).copy())[None]
    made = place_tensor(unit, torch.from_numpy(matrix)[None], frame)
    assert made.shape == (1, 4, *frame)
    return strips, made[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize(("frame", "place"), WAYS.values(), ids=WAYS)
def test_both_forms_agree_on_a_real_person(person_of, frame, place):
    strips, made = both(person_of("0003"), place, frame)
    assert strips[..., 3].max() > 254
    assert np.abs(strips - made).max() < 1


@pytest.mark.parametrize("place", [Place(0.5, 1.0, 0.45), Place(0.5, 0.8, 0.6, 9), Place(0.4, 0.7, 1.7)])
def test_both_forms_agree_where_the_photos_border_cuts_a_person(half_length, place):
    strips, made = both(half_length, place, (300, 420))
    assert np.abs(strips - made).max() < 1


def test_both_forms_agree_at_16_bits(half_length):
    strips, made = both(half_length.astype(np.uint16) * np.uint16(257), Place(0.5, 1.0, 0.7), (300, 420))
    assert np.abs(strips - made).max() < 0.3  # no rounding to 8 bits in either


def test_a_whole_shift_gives_the_very_same_pixels(whole_person):
    outline = trace(whole_person)
    assert outline is not None
    strips, made = both(whole_person, Place(0.55, 0.9, outline.height / 300), (300, 420))
    assert np.abs(strips - made).max() < 0.01


def test_people_of_a_batch_are_placed_as_each_alone():
    people = torch.rand(3, 4, 40, 30, generator=torch.Generator().manual_seed(1))
    turn = torch.tensor([[0.6, 0.1, 3.0], [-0.1, 0.6, 5.0]])
    matrices = torch.stack([turn, 0.5 * turn, torch.tensor([[-1.7, 0, 50.0], [0, 1.7, -9.0]])])
    made = place_tensor(people, matrices, (50, 60))
    for i in range(3):
        assert torch.equal(made[i : i + 1], place_tensor(people[i : i + 1], matrices[i : i + 1], (50, 60)))


def test_the_tensor_form_tells_how_to_move_a_person_to_where_it_belongs():
    """Gradients through place and picture: a blob walks to its target."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    alpha = torch.exp(-((x - 24) ** 2 + (y - 24) ** 2) / 60)
    cutout = torch.stack([alpha * 0 + 0.7] * 3 + [alpha])[None]
    box = torch.tensor([[12.0, 12.0, 36.0, 36.0]])
    wanted = place_tensor(cutout, matrix_tensor(torch.tensor([[0.6, 0.8, 0.4, 0.0, 0.0]]), box, (64, 64)), (64, 64))
    place = torch.tensor([[0.5, 0.7, 0.5, 0.0, 0.0]], requires_grad=True)
    optimizer = torch.optim.Adam([place], 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        made = place_tensor(cutout, matrix_tensor(place, box, (64, 64)), (64, 64))
        ((made - wanted) ** 2).mean().backward()
        optimizer.step()
    assert place[0, :3].tolist() == pytest.approx([0.6, 0.8, 0.4], abs=0.02)
    colors = cutout.clone().requires_grad_()
    place_tensor(colors, matrix_tensor(place.detach(), box, (64, 64)), (64, 64)).sum().backward()
    assert colors.grad is not None
    assert colors.grad[:, :3].abs().max() > 0


@pytest.mark.parametrize("place", [Place(0.3, 0.8, 0.5), Place(0.6, 0.9, 0.7, 14, True), Place(0.5, 1.0, 1.2, -3)])
def test_the_affine_of_a_place_is_the_same_in_both_forms(place, whole_person):
    outline = trace(whole_person)
    assert outline is not None
    numbers = torch.tensor([[place.x, place.y, place.height, place.rotation, float(place.flip)]], dtype=torch.float64)
    made = matrix_tensor(numbers, torch.tensor([outline.box], dtype=torch.float64), (320, 410))
    assert made[0].numpy() == pytest.approx(placement_matrix(place, outline, (320, 410)), abs=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("place", [Place(0.5, 1.0, 0.6), Place(0.4, 1.1, 1.3, 0, True), Place(0.5, 0.9, 0.25, 8)])
def test_pieces_fit_together_wherever_they_begin(half_length, place, dtype):
    person = half_length.astype(dtype) * dtype(257 if dtype == np.uint16 else 1)
    outline = trace(person)
    assert outline is not None
    frame = (700, 800)
    cutout = PlacedCutout(person, placement_matrix(place, outline, frame), outline, frame)
    colors, alpha = cutout.piece(0, 0, *frame, dtype)
    for rows, columns in ((64, 800), (256, 320)):
        for top in range(0, 700, rows):
            for left in range(0, 800, columns):
                part = slice(top, min(700, top + rows)), slice(left, min(800, left + columns))
                piece = cutout.piece(top, left, part[0].stop, part[1].stop, dtype)
                assert np.array_equal(piece[0], colors[part])
                assert np.array_equal(piece[1], alpha[part])


def test_a_hair_of_a_turn_goes_another_way_and_looks_the_same(half_length):
    outline = trace(half_length)
    assert outline is not None
    frame = (700, 800)
    for height in (0.3, 0.65, 1.2):
        matrices = [placement_matrix(Place(0.5, 1.0, height, turn), outline, frame) for turn in (0.0, 1e-7)]
        upright, turned = (
            PlacedCutout(half_length, matrix, outline, frame).piece(0, 0, *frame, np.uint8) for matrix in matrices
        )
        seen = upright[1] > 1
        assert np.abs(upright[1].astype(int) - turned[1]).max() <= 1
        assert np.abs(upright[0].astype(int) - turned[0])[seen].max() <= 1
