"""The ways of blend/, each on one piece."""

import numpy as np
import pytest

from bgswap import extensions
from bgswap.compositing.blend import feather, laplacian, over
from bgswap.compositing.blend._edges import extend_colors
from bgswap.compositing.light import change_depth, to_linear, to_srgb, to_unit
from bgswap.compositing.scene import Layers

WAYS = "bgswap.compositing.blend"
LIGHTS = ["srgb", "linear"]
DEPTHS = [np.uint8, np.uint16]


@pytest.fixture(scope="module")
def piece(half_length, photo):
    rows, columns = slice(20, 276), slice(100, 340)  # head and shoulders
    crop = half_length[rows, columns]
    return crop[..., :3].copy(), crop[..., 3].copy(), photo[::-1, ::-1][rows, columns].copy()


@pytest.fixture(scope="module")
def fusion():
    from bgswap.zoo import loader

    return loader.load("multi-stream-small", device="cpu")


@pytest.fixture(scope="module")
def mixer(fusion):
    """mixer(name, foreground, alpha, background) -> blend(top, bottom, light, width_px): rows of a whole frame."""

    prepared = {}  # looking at a frame takes a network longer than all the rest

    def prepare(name, near, alpha, far):
        way = extensions.load(WAYS, name)
        key = name, near.tobytes(), alpha.tobytes(), far.tobytes()
        layers = Layers(*(to_unit(one) for one in (np.where(alpha[..., None] > 0, near, 0), alpha, far)))
        model = fusion if name == "multi-stream" else None

        def blend(top=0, bottom=alpha.shape[0], light="srgb", width_px=5.0):
            rows = slice(top, bottom)
            pieces = near[rows], alpha[rows], far[rows]
            if not hasattr(way, "prepare"):
                return way.blend(*pieces, light=light, width_px=width_px)
            if (key, width_px) not in prepared:
                prepared[key, width_px] = way.prepare(lambda: layers, model, alpha.shape, width_px)
            return prepared[key, width_px].blend(*pieces, light=light, at=(top, 0))

        return blend

    return prepare


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_full_alpha_is_the_foreground_and_empty_alpha_the_background(piece, mixer, name, depth, light):
    near, alpha, far = (change_depth(one[:100, :150], depth) for one in piece)
    for value, expected in ((np.iinfo(depth).max, near), (0, far)):
        assert np.array_equal(mixer(name, near, np.full_like(alpha, value), far)(light=light), expected)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_equal_pictures_blend_to_themselves(piece, mixer, name, light):
    near, alpha, _ = piece
    flat = np.full_like(near, 77)
    mixed = mixer(name, flat, alpha, flat)(light=light, width_px=6)
    assert np.abs(mixed.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("width_px", [-9.0, -2.0, 3.0, 16.0])
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_nothing_changes_beyond_the_reach_of_the_edge(piece, mixer, name, width_px):
    import cv2

    near, alpha, far = piece
    mixed = mixer(name, near, alpha, far)(width_px=width_px)
    around = np.ones((2 * extensions.load(WAYS, name).reach(width_px) + 1,) * 2, np.uint8)
    solid, empty = (cv2.erode((alpha == level).astype(np.uint8), around) > 0 for level in (255, 0))
    assert np.abs(mixed[empty].astype(int) - far[empty]).max(initial=0) <= 1
    if name not in ("poisson", "multi-stream"):  # which change the person itself: tested apart
        assert np.abs(mixed[solid].astype(int) - near[solid]).max(initial=0) <= 1


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    ("name", "width_px"),
    [("over", 0), ("feather", 3), ("feather", -4), ("laplacian", 5), ("poisson", 9), ("multi-stream", 8)],
)
def test_no_pixel_depends_on_where_strips_begin(piece, mixer, name, width_px, depth):
    near, alpha, far = (change_depth(one, depth) for one in piece)
    blend = mixer(name, near, alpha, far)
    whole = blend(width_px=width_px, light="linear")
    halo = -(-extensions.load(WAYS, name).reach(width_px) // 64) * 64
    for top in range(0, 256, 64):
        first, past = max(0, top - halo), min(256, top + 64 + halo)
        strip = blend(first, past, width_px=width_px, light="linear")
        assert np.array_equal(strip[top - first : top - first + 64], whole[top : top + 64])


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_sixteen_bits_give_the_picture_of_eight(piece, mixer, name, light):
    fine = mixer(name, *(change_depth(one, np.uint16) for one in piece))(light=light)
    coarse = mixer(name, *piece)(light=light)
    assert fine.dtype == np.uint16
    # Feather's alpha is rounded to a level before it is used; a level of it is several of dark ones in linear light.
    # Poisson and the network change the person in its own depth: rounded once there, and again when it is mixed.
    assert np.abs(fine / 257 - coarse).max() < {"feather": 8, "poisson": 1.5, "multi-stream": 1.5}.get(name, 1.01)


@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_inputs_are_not_written_into(piece, mixer, name):
    before = [one.copy() for one in piece]
    mixer(name, *piece)(width_px=-4)
    assert all(np.array_equal(one, was) for one, was in zip(piece, before, strict=True))


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_over_is_the_nearest_level_of_the_formula_in_double_precision(piece, depth, light):
    near, alpha, far = (change_depth(one, depth) for one in piece)
    top = np.iinfo(depth).max
    cover = alpha[..., None] / top
    if light == "srgb":
        exact = cover * near + (1 - cover) * far
    else:
        linear = [np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) for v in (near / top, far / top)]
        lit = cover * linear[0] + (1 - cover) * linear[1]
        exact = top * np.where(lit <= 0.0031308, lit * 12.92, 1.055 * lit ** (1 / 2.4) - 0.055)
    mixed = over.blend(near, alpha, far, light=light, width_px=0)
    assert np.abs(mixed - exact).max() <= (0.501 if depth == np.uint8 else 0.55)


def planes(picture):
    import torch

    unit = to_unit(picture)
    return torch.from_numpy(np.atleast_3d(unit).transpose(2, 0, 1)[None].copy())


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_over_in_torch_is_over_on_pixels(piece, depth, light):
    near, alpha, far = (change_depth(one, depth) for one in piece)
    mixed = over.blend_tensors(planes(near), planes(alpha), planes(far), light)[0].permute(1, 2, 0).numpy()
    assert np.abs(mixed - to_unit(over.blend(near, alpha, far, light=light, width_px=0))).max() <= 1 / 255


@pytest.mark.parametrize("light", LIGHTS)
def test_gradients_pass_through_over_even_where_all_is_black(light):
    import torch

    given = [torch.zeros(1, channels, 4, 4, requires_grad=True) for channels in (3, 1, 3)]
    over.blend_tensors(*given, light).sum().backward()
    assert all(torch.isfinite(one.grad).all() for one in given)
    assert given[2].grad.min() > 0.5


@pytest.mark.parametrize("width_px", [-5.0, 2.0, 11.0])
def test_feathers_alpha_in_torch_is_that_on_pixels(piece, width_px):
    _, alpha, _ = piece
    softened = feather.soften_tensor(planes(alpha), width_px)[0, 0].numpy()
    white, black = np.full((*alpha.shape, 3), 255, np.uint8), np.zeros((*alpha.shape, 3), np.uint8)
    mixed = feather.blend(white, alpha, black, light="srgb", width_px=width_px)[..., 0]
    assert np.abs(softened - mixed / 255).max() <= 1 / 255


def test_linear_light_makes_a_half_covered_pixel_brighter():
    near, far = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)
    alpha = np.full((1, 1), 128, np.uint8)
    assert over.blend(near, alpha, far, light="srgb", width_px=0)[0, 0, 0] == 128
    assert over.blend(near, alpha, far, light="linear", width_px=0)[0, 0, 0] == 188  # sRGB's own middle of light


def test_light_goes_there_and_back():
    levels = np.linspace(0, 1, 65536, dtype=np.float32)
    assert np.abs(to_srgb(to_linear(levels)) - levels).max() < 1e-5


def test_feathering_inward_only_takes_from_the_person_and_outward_only_adds():
    alpha = np.zeros((60, 60), np.uint8)
    alpha[:, :30] = 255
    near, far = np.full((60, 60, 3), 255, np.uint8), np.zeros((60, 60, 3), np.uint8)
    inward = feather.blend(near, alpha, far, light="srgb", width_px=6)[30, :, 0].astype(int)
    outward = feather.blend(near, alpha, far, light="srgb", width_px=-6)[30, :, 0].astype(int)
    assert (inward[30:] == 0).all()
    assert inward[29] < 80
    assert (inward[:20] == 255).all()
    assert (outward[:30] == 255).all()
    assert outward[30] > 175
    assert (outward[40:] == 0).all()


def test_feathering_outward_carries_the_persons_color_and_not_what_lay_under_empty_alpha():
    alpha = np.zeros((60, 60), np.uint8)
    alpha[:, :30] = 255
    near = np.zeros((60, 60, 3), np.uint8)
    near[:, :30] = (200, 0, 0)
    mixed = feather.blend(near, alpha, np.full((60, 60, 3), (200, 0, 0), np.uint8), light="srgb", width_px=-8)
    assert np.abs(mixed.astype(int) - (200, 0, 0)).max() <= 2


def test_extended_colors_keep_the_person_and_continue_it(half_length):
    near = half_length[..., :3].copy()
    near[half_length[..., 3] == 0] = 0
    extended = extend_colors(near, half_length[..., 3], 8)
    solid = half_length[..., 3] == 255
    assert np.abs(extended[solid].astype(int) - near[solid]).max() <= 1
    first = int(np.flatnonzero(half_length[400, :, 3])[0])
    inside, beyond = extended[400, first + 10], extended[400, first - 8 : first]
    assert not near[400, first - 8 : first].any()
    assert np.abs(beyond.astype(int) - inside).max() < 60


def test_a_hairs_own_color_outweighs_its_neighbors():
    alpha, near = np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3), np.uint8)
    alpha[:, :15], near[:, :15] = 255, (250, 250, 250)
    alpha[20, 15:30], near[20, 15:30] = 60, (90, 40, 10)
    assert np.abs(extend_colors(near, alpha, 8)[20, 16:30].astype(int) - (90, 40, 10)).max() <= 1


def test_bands_mix_wide_differences_softly_and_fine_ones_sharply():
    alpha = np.zeros((128, 128), np.uint8)
    alpha[:, :64] = 255
    near, far = np.full((128, 128, 3), 160, np.uint8), np.full((128, 128, 3), 100, np.uint8)
    mixed = laplacian.blend(near, alpha, far, light="srgb", width_px=8)[64, :, 0].astype(int)
    steps = -np.diff(mixed)
    assert steps.max() < 40  # `over` steps by 60 at once
    assert (steps >= -1).all()
    assert (mixed[:20] == 160).all()
    assert (mixed[108:] == 100).all()
