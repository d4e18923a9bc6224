"""The sheet shows input, output and truth side by side, a row a sample."""

import numpy as np
import torch
from PIL import Image

from bgswap.training.sheet import GAP, PAPER, sheet


def test_rows_are_samples_and_columns_keep_their_order(tmp_path):
    red = torch.tensor([1.0, 0, 0])[:, None, None].expand(8, 3, 10, 20)
    alpha = torch.linspace(0, 1, 8)[:, None, None, None].expand(8, 1, 10, 20)
    drawn = sheet([red, alpha], tmp_path / "sheet.png", rows=6)
    seen = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert (seen == drawn).all()
    assert seen.shape == (6 * 10 + 5 * GAP, 2 * 20 + GAP, 3)
    for row in range(6):
        top = row * (10 + GAP)
        assert (seen[top : top + 10, :20] == (255, 0, 0)).all()
        assert (seen[top : top + 10, 20 : 20 + GAP] == PAPER).all()
        assert (seen[top : top + 10, 20 + GAP :] == round(255 * row / 7)).all()
    assert (seen[10 : 10 + GAP] == PAPER).all()


def test_columns_of_several_sizes_and_numbers_out_of_range_are_drawn(tmp_path):
    wild = torch.full((1, 1, 4, 4), float("nan"))
    wild[..., 0, 0], wild[..., 0, 1] = 7.0, -7.0
    before = wild.clone()
    drawn = sheet([torch.rand(3, 3, 8, 8), wild], tmp_path / "sheet.png")
    assert drawn.shape == (8, 8 + GAP + 4, 3)  # as many rows as all columns have
    assert drawn[0, 8 + GAP].tolist() == [255] * 3
    assert drawn[0, 9 + GAP].tolist() == drawn[2, 10 + GAP].tolist() == [0] * 3
    assert (drawn[4:, 8 + GAP :] == PAPER).all()
    assert torch.equal(wild.isnan(), before.isnan())
