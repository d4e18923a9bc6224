"""The harmonization GAN: MSE and PSNR of three pictures. Kumari and Bobate's class report, NITK Surathkal, 2020"""

from bgswap.evaluation.published import Column, Published, Table

HARMONIZED = Table(
    "PSNR and MSE scores on three ground truth images",
    "Kumari, Bobate: Image Harmonization using Generative Adversarial Networks, NITK Surathkal, 2020, table 1",
    (
        Column("MSE", "mse", "lower", "levels²"),
        Column("PSNR", "psnr", "higher", "dB"),
    ),
    (
        Published("Ground truth image 1", (0.65, 49.98)),
        Published("Ground truth image 2", (0.53, 50.88)),
        Published("Ground truth image 3", (0.48, 51.27)),
    ),
    baselines=("reinhard", "histogram"),
    differs=(
        "Theirs: three COCO photos of people, their colors changed after another person's. "
        "Ours: a mean over all pictures given, as a rule held-out people of `bgswap augment --method recolor`."
    ),
    note=(
        "An MSE of 0.65 is less than one level off: such pictures are all but equal before anything is done. "
        "The report has no row for doing nothing, so that these figures are no goal."
    ),
)

TABLES: tuple[Table, ...] = (HARMONIZED,)
