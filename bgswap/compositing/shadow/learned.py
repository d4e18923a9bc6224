"""What a trained network tells: a run of --model that gives shadows."""

import numpy as np

from bgswap.compositing.decider import Decider
from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow._ground import FAR
from bgswap.compositing.stance import stands
from bgswap.errors import BgswapError


def cast(scene: Scene, network: Decider) -> ShadowLayer | None:
    """The network's layer, drawn as cast is; None where the feet are not in the picture.

    Raises:
        BgswapError: the network's "shadow" is not five finite numbers.
    """
    if not stands(scene):
        return None
    told = np.asarray(network.outputs(scene.layers((0.0, 0.0, 1.0, 1.0), network.side))["shadow"], np.float64).ravel()
    if told.shape != (5,) or not np.isfinite(told).all():
        raise BgswapError(f"{network.name} tells no shadow: it gives {told.tolist()[:8]} and not five finite numbers")
    azimuth, length, softness, density, contact = told.tolist()
    return ShadowLayer(
        azimuth=(azimuth + 180) % 360 - 180,
        length=min(max(length, 0.0), FAR),
        softness=min(max(softness, 0.0), 1.0),
        density=min(max(density, 0.0), 1.0),
        contact=min(max(contact, 0.0), 1.0),
        way="cast",
    )
