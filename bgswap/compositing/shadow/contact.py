"""Where the feet meet the ground: a soft, flat darkening under what of the person is lowest."""

import cv2
import numpy as np

from bgswap.compositing.decisions import Place, ShadowLayer
from bgswap.compositing.light import Float
from bgswap.compositing.outline import Outline

# All ours, set by eye on full-length people on streets, grass, snow and floors.
CONTACT = 0.7  # share of light that the ground right under the soles loses
SOFTNESS = 0.055  # blur of the wide part, share of the person's height
SOLES = 0.1  # the lowest part of the person that counts as touching, share of its height
UNDER = 0.012  # how far below the soles the shadow's middle lies, share of the person's height
NEAR = 0.011  # blur of the narrow part, share of the person's height
FLAT = 0.3  # a blur across over the same blur along the line of sight: the ground is seen at a slant
UPRIGHT = 30  # degrees: who leans more does not stand on its feet
REACH = 0.25  # of the person's height, about the feet, that the layer can darken


def cast(outline: Outline, place: Place) -> ShadowLayer | None:
    """The layer for a person at its place; None where the feet are not in the picture."""
    if "bottom" in outline.cut or place.y > 1.0 or abs((place.rotation + 180) % 360 - 180) > UPRIGHT:
        return None
    return ShadowLayer(softness=SOFTNESS * place.height, contact=CONTACT)


def shade(layer: ShadowLayer, alpha: Float, *, frame_px: float, person_px: float) -> Float:
    """Light that the ground loses, 0..1, (h, w), for a placed matte alpha (h, w) 0..1 at any scale.

    frame_px, person_px: heights of the frame and of the person, told in pixels of this small picture.
    """
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    if not rows.size:
        return np.zeros_like(alpha)
    # What touches weighs most at the lowest row and fades out a little higher: a raised heel darkens less.
    above = (rows[-1] - np.arange(len(alpha), dtype=np.float32)) / np.float32(SOLES * person_px)
    soles = alpha * np.clip(1.5 * (1 - above), 0, 1)[:, None]
    under = cv2.warpAffine(soles, np.array([[1, 0, 0], [0, 1, UNDER * person_px]]), soles.shape[::-1])
    near, far = _blur(under, NEAR * person_px), _blur(under, layer.softness * frame_px)
    # Blurring thins out what is small: both parts are brought back to nearly full darkness between the shoes.
    light = (1 - layer.contact * np.clip(1.6 * near, 0, 1)) * (1 - 0.8 * layer.contact * np.clip(4 * far, 0, 1))
    return (1 - light).astype(np.float32)


def _blur(soles: Float, across: float) -> Float:
    blurred: Float = cv2.GaussianBlur(
        soles, (0, 0), max(0.3, across), sigmaY=max(0.3, FLAT * across), borderType=cv2.BORDER_REPLICATE
    )
    return blurred
