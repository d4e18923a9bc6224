"""The Triple U-Net: how far its losses fell, and sharpness by training size. Class slides, CUHK-Shenzhen"""

from bgswap.evaluation.published import Column, Published, Table

SLIDES = "Image Synthesis & Background Replacement, class slides, CUHK-Shenzhen, group 36"

LOSSES = Table(
    "Losses of the generators in training",
    f"{SLIDES}, part IV",
    (
        Column("L1 loss", "l1", "lower", digits=0),
        Column("perceptual loss", "perceptual", "lower", digits=0),
    ),
    (
        Published("at the start, greater than", (1.4, 0.044)),
        Published("at the end, smaller than", (1.0, 0.032)),
        Published("decreased by, in %", (28.5, 27.2)),
    ),
    differs=(
        "Theirs: the losses of training on PPR10K's photos of one person, weighted or summed in a way that is not told "
        "(a mean of differences could hardly be above 1). Ours: means over held-out pictures: compare decreases only."
    ),
    note="A decrease is (before - after) / before; the row that does nothing is our before.",
)
SHARPNESS = Table(
    "Sharpness by training size",
    f"{SLIDES}, part V",
    (Column("sharpness", "sharpness", "higher"),),
    named=("128", "256", "512"),
    differs="Theirs: pictures to look at, of the sizes 128, 256 and 512. Ours: runs trained at these sizes.",
    note="The slides print no figure: all are measured.",
)

TABLES: tuple[Table, ...] = (LOSSES, SHARPNESS)
