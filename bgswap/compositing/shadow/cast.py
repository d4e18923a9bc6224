"""The silhouette's shadow on the ground, as the place's own light would cast it, and contact's darkening. Ours"""

from typing import TYPE_CHECKING

import numpy as np

from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.light import Float
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow import contact
from bgswap.compositing.shadow._daylight import daylight
from bgswap.compositing.shadow._forms import arrays, tensors
from bgswap.compositing.shadow._ground import CAMERA, DISTANCE, FAR, FOCAL, NEAREST, Light, cast_dark
from bgswap.compositing.stance import Stance, stands

if TYPE_CHECKING:
    from torch import Tensor

BODY = True  # the whole silhouette is asked for, and not its feet alone


def cast(scene: Scene) -> ShadowLayer | None:
    """The layer that the place's light asks for; None where the feet are not in the picture."""
    if not stands(scene):
        return None
    light = daylight(scene)
    return ShadowLayer(
        azimuth=light.azimuth,
        length=light.length,
        softness=light.width * scene.place.height,
        density=light.density,
        contact=contact.CONTACT,
        tint=light.tint,
        way="cast",
    )


def room(layer: ShadowLayer, *, frame_share: float, half_width: float) -> tuple[float, float, float, float]:
    """How far above, below, left and right of the feet's middle it may darken, in the person's heights.

    frame_share: the frame's height over the person's. half_width: of the person, in its heights.
    """
    near = contact.room(layer, frame_share=frame_share, half_width=half_width)
    if layer.density <= 0:
        return near
    turn, rate = np.deg2rad(layer.azimuth), layer.softness * frame_share
    far = min(FAR, layer.length * (1.1 + 2.5 * rate * float(np.hypot(1, layer.length))) + half_width + 0.2)
    side = half_width + 0.3 + 2.5 * rate * far
    s, b = np.meshgrid(np.linspace(-half_width - 0.2, far, 32), np.linspace(-side, side, 16))
    distance = float(np.clip(FOCAL * frame_share, *DISTANCE))
    x, z = s * np.sin(turn) + b * np.cos(turn), s * np.cos(turn) - b * np.sin(turn)
    farther = np.maximum((distance + z) / distance, NEAREST)
    down, aside = CAMERA * (1 / farther - 1), x / farther
    return (
        max(near[0], -float(down.min())),
        max(near[1], float(down.max())),
        max(near[2], -float(aside.min())),
        max(near[3], float(aside.max())),
    )


def shade(layer: ShadowLayer, alpha: Float, *, frame_px: float, person_px: float) -> Float:
    """Light that the ground loses, 0..1, (h, w), for a placed matte alpha (h, w) 0..1 at any scale, head to feet.

    frame_px, person_px: heights of the frame and of the person, told in pixels of this small picture.
    """
    lost = contact.occlusion(alpha, layer.contact, contact.SOFTNESS * person_px, person_px)
    stance = Stance.of(alpha, person_px)
    if stance is None or layer.density <= 0 or layer.length <= 0:
        return lost
    form = arrays()
    numbers = (np.array([n], np.float32) for n in (layer.azimuth, layer.length, layer.softness, frame_px / person_px))
    dark = cast_dark(form, alpha[None], Light.of(form, *numbers), [stance], [person_px])[0]
    return (1 - (1 - np.float32(layer.density) * dark) * (1 - lost)).astype(np.float32)


def shade_tensors(
    alpha: "Tensor",
    azimuth: "Tensor",
    length: "Tensor",
    softness: "Tensor",
    density: "Tensor",
    contact_: "Tensor",
    *,
    frame_px: float,
    person_px: "Tensor",
) -> "Tensor":
    """The same for alpha (B, 1, H, W) and one number a picture, (B,) each: (B, 1, H, W), differentiable in the five.

    person_px: (B,) heights of the people in pixels, not differentiated.
    """
    form = tensors()
    wide = contact.SOFTNESS * person_px / frame_px
    lost = contact.shade_tensors(alpha, wide, contact_, frame_px=frame_px, person_px=person_px)
    tall = person_px.tolist()
    plain = alpha[:, 0].detach().cpu().numpy()
    stances = [Stance.of(one, px) for one, px in zip(plain, tall, strict=True)]
    light = Light.of(form, azimuth, length, softness, frame_px / person_px)
    dark = cast_dark(form, alpha[:, 0], light, stances, tall)[:, None]
    return 1 - (1 - density.reshape(-1, 1, 1, 1) * dark) * (1 - lost)
