"""What the place's camera did to its picture and the person's did not: grain, softness, a blurred background."""

from bgswap.compositing.lens.defocus import Defocus
from bgswap.compositing.lens.person import PersonLens, apply_lens, match

__all__ = ["Defocus", "PersonLens", "apply_lens", "match"]
