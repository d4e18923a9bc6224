"""The matting U-Net: L1 and Dice of its mattes. Iordachescu and Patilea's poster, University of Bucharest"""

from bgswap.evaluation.published import Column, Published, Table

LOSSES = Table(
    "L1 loss and Dice coefficient in training",
    "Iordachescu, Patilea: Background Replacement Using UNet Architecture, poster, University of Bucharest",
    (
        Column("L1 loss", "alpha-mad", "lower", digits=3),
        Column("Dice coefficient", "dice", "higher", digits=3),
    ),
    (
        Published("training", (0.174, 0.751)),
        Published("validation", (0.421, 0.687)),
    ),
    differs=(
        "Theirs: about 2700 half-length portraits of AISegment at 320 x 240, 80 % for training, 20 % for validation. "
        "Ours: held-out people, whole figures most of them."
    ),
    note=(
        "The poster's L1 is a sum, with no word of what it is divided by; ours is the mean over pixels. "
        "Its Dice is of soft mattes, with squares in the denominator, as ours."
    ),
)

TABLES: tuple[Table, ...] = (LOSSES,)
