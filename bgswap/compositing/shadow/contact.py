"""Where the feet meet the ground: a soft, flat darkening under the soles. Ours"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.light import Float
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow._forms import Array, Form, arrays, tensors
from bgswap.compositing.stance import Stance, stands

if TYPE_CHECKING:
    from torch import Tensor

# All ours, set by eye on full-length people on streets, grass, snow and floors.
CONTACT = 0.7  # share of light that the ground right under the soles loses
SOFTNESS = 0.055  # blur of the wide part, share of the person's height
SOLES = 0.1  # the lowest part of the person that counts as touching, share of its height
UNDER = 0.012  # how far below the soles the shadow's middle lies, share of the person's height
NEAR = 0.011  # blur of the narrow part, share of the person's height
FLAT = 0.3  # a blur across over the same blur along the line of sight: the ground is seen at a slant
REACH = 0.25  # of the person's height, about the feet, that the layer can darken
FADE = 0.05  # of the person's height, over which it ends there, so that no straight line shows
LEAST_PX = 0.5  # of a blur


def cast(scene: Scene) -> ShadowLayer | None:
    """The layer for a person at its place; None where the feet are not in the picture."""
    if not stands(scene):
        return None
    return ShadowLayer(softness=SOFTNESS * scene.place.height, contact=CONTACT)


def room(layer: ShadowLayer, *, frame_share: float, half_width: float) -> tuple[float, float, float, float]:  # noqa: ARG001 - as cast.room
    """How far above, below, left and right of the feet's middle it may darken, in the person's heights."""
    return REACH, REACH, half_width + REACH, half_width + REACH


def shade(layer: ShadowLayer, alpha: Float, *, frame_px: float, person_px: float) -> Float:
    """Light that the ground loses, 0..1, (h, w), for a placed matte alpha (h, w) 0..1 at any scale.

    frame_px, person_px: heights of the frame and of the person, told in pixels of this small picture.
    """
    return occlusion(alpha, layer.contact, layer.softness * frame_px, person_px)


def shade_tensors(
    alpha: "Tensor", softness: "Tensor", contact: "Tensor", *, frame_px: float, person_px: "Tensor"
) -> "Tensor":
    """The same for alpha (B, 1, H, W) and one number a picture, (B,) each: (B, 1, H, W), differentiable in both."""
    form = tensors()
    lost = [
        lost_about(form, one[0], contact[i], softness[i] * frame_px, float(person_px[i]), _stance(one, person_px[i]))
        for i, one in enumerate(alpha)
    ]
    return form.xp.stack(lost)[:, None]


def occlusion(alpha: Float, contact: float, wide_px: float, person_px: float) -> Float:
    """Light lost about the soles of a matte (h, w); wide_px: blur of the wide part. Only the feet's part is drawn."""
    lost = np.zeros_like(alpha)
    stance = Stance.of(alpha, person_px)
    if stance is None or contact <= 0:
        return lost
    reach = REACH * person_px
    top, bottom = int(max(0, stance.line.min() - reach)), int(stance.base + reach) + 1
    left, right = int(max(0, stance.left - reach)), int(stance.right + reach) + 1
    about = Stance(stance.line[left:right] - top, stance.left - left, stance.right - left, stance.top - top)
    part = np.ascontiguousarray(alpha[top:bottom, left:right])
    lost[top:bottom, left:right] = lost_about(arrays(), part, np.float32(contact), wide_px, person_px, about)
    return lost


def lost_about(form: Form, alpha: Array, contact: Any, wide_px: Any, person_px: float, stance: Stance | None) -> Array:
    """Light lost about the soles of one matte (h, w), in either form."""
    if stance is None:
        return alpha * 0
    height, width = alpha.shape
    rows, columns = np.arange(height, dtype=np.float32)[:, None] + 0.5, np.arange(width, dtype=np.float32) + 0.5
    # What touches weighs most on the ground's line and fades out a little higher: a raised heel darkens less.
    touching = np.clip(1.5 * (1 - (stance.line - rows) / np.float32(SOLES * person_px)), 0, 1)
    soles = alpha * form.like(touching, alpha)
    near = _blurred(form, soles, NEAR * person_px, UNDER * person_px)
    far = _blurred(form, soles, wide_px, UNDER * person_px)
    # Blurring thins out what is small: both parts are brought back to nearly full darkness between the shoes.
    light = (1 - contact * (1.6 * near).clip(0, 1)) * (1 - 0.8 * contact * (4 * far).clip(0, 1))
    beyond = np.maximum(
        np.maximum(stance.left - columns, columns - stance.right),
        np.maximum(stance.line.min() - rows, rows - stance.base),
    )
    fade = np.clip((REACH * person_px - beyond) / (FADE * person_px), 0, 1)
    return (1 - light) * form.like(fade, alpha)


def _stance(alpha: "Tensor", person_px: Any) -> Stance | None:
    return Stance.of(alpha[0].detach().cpu().numpy(), float(person_px))


def _blurred(form: Form, soles: Array, across: Any, under: float) -> Array:
    """Blur (h, w) on the ground: by `across` pixels, and down by FLAT of it, about `under` pixels lower."""
    down = gaussians(form, soles, soles.shape[0], FLAT * across, under)
    return down @ soles @ gaussians(form, soles, soles.shape[1], across, 0.0).T


def gaussians(form: Form, as_: Array, count: int, sigma: Any, shift: float) -> Array:
    """(count, count) whose row i takes a Gaussian of sigma pixels about pixel i - shift."""
    at = np.arange(count, dtype=np.float32)
    away: NDArray[np.float32] = (at - at[:, None] + np.float32(shift)) ** 2
    sigma = form.like(np.asarray(sigma, np.float32), as_) if isinstance(sigma, float | int) else sigma
    weights = form.xp.exp(form.like(-0.5 * away, as_) / sigma.clip(LEAST_PX, None) ** 2)
    # Beyond the border there is more of the same ground, empty of soles: the whole bell counts.
    return weights / (sigma.clip(LEAST_PX, None) * 2.5066283)
