"""bgswap: cut people out of photos and set them into other places.

The Python calls beside the command line take PIL images or arrays and give PIL images:

    import bgswap
    cut = bgswap.matte(photo)                    # RGBA, straight alpha, sRGB
    picture = bgswap.composite(photo, place)     # RGB, at the place's size
    sample, line = bgswap.augment(photo, cut, method="relight")
    scores = bgswap.evaluate(picture, truth)     # {"mse": 12.3, ...}
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgswap.calls import augment as augment
    from bgswap.calls import composite as composite
    from bgswap.calls import evaluate as evaluate
    from bgswap.calls import inpaint as inpaint
    from bgswap.calls import matte as matte

__version__ = "0.1.0"
__all__ = ["augment", "composite", "evaluate", "inpaint", "matte"]


def __getattr__(name: str) -> Any:
    # imported when first used: `import bgswap` loads nothing heavy
    if name in __all__:
        from bgswap import calls

        return getattr(calls, name)
    raise AttributeError(f"module 'bgswap' has no attribute '{name}'")
