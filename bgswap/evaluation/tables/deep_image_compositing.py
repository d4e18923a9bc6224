"""Deep Image Compositing: PSNR of ways to composite, its ablations and study. Zhang et al., WACV 2021, 2011.02146"""

from bgswap.evaluation.published import Column, Published, Table

PAPER = "Zhang, Zhang, Perazzi, Lin, Patel: Deep Image Compositing, WACV 2021, arXiv 2011.02146"
PSNR = (Column("PSNR", "psnr", "higher", "dB"),)
DIFFERS = (
    "Theirs: SynTest, made by their own self-taught augmentation, at 768 x 768. "
    "Ours: `bgswap augment --method triplet` from held-out people."
)
NO_FIGURES = "The notes that this was made after print no PSNR: all figures here are measured."

COMPARISON = Table(
    "PSNR of composites on SynTest",
    f"{PAPER}, section 5.1, as noted",
    PSNR,
    named=("Deep Image Matting", "IndexNet", "single stream", "multi-stream fusion"),
    baselines=("copy-paste", "feather", "laplacian", "closed-form", "knn", "information-flow"),
    differs=DIFFERS,
    note=f"{NO_FIGURES} Deep Image Matting and IndexNet stand here when a folder of their outputs is given.",
)
ABLATION = Table(
    "PSNR without a part of the system",
    f"{PAPER}, section 5.2, as noted",
    PSNR,
    named=("without self-taught data", "single stream", "without refinement", "multi-stream fusion"),
    differs=DIFFERS,
    note=NO_FIGURES,
)
STUDY = Table(
    "A study: the sets of 14 in which a way came first, and its rank score",
    f"{PAPER}, section 5.1, as noted",
    (
        Column("sets won, of 14", better="higher", digits=0),
        Column("rank score", better="lower"),
    ),
    (
        Published("multi-stream fusion", (9, None)),
        Published("IndexNet", (4, None)),
        Published("Deep Image Matting", (1, None)),
    ),
    differs=(
        "Theirs: 44 people, 14 sets. "
        "Ours: `bgswap eval study make --kind top3`, then `study fit` on its raters' answers."
    ),
    note=(
        "A rater names the best three of a set: 1, 2 and 3 points, 8 for all others; lower is better. "
        "The notes have no scores. People took a soft edge over a sharp one with noise."
    ),
)

TABLES: tuple[Table, ...] = (COMPARISON, ABLATION, STUDY)
