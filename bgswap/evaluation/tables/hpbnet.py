"""HPBNet: harmonized portraits, tables 1 to 3 and its speed. Wang et al., CGF 2023, 10.1111/cgf.14921"""

from bgswap.evaluation.published import FRAMES, SECONDS, Column, Published, Table

PAPER = "Wang, Li, Wang, Ye: Harmonized Portrait-Background Image Composition, CGF 2023, doi 10.1111/cgf.14921"
DIFFERS = (
    "Theirs: portraits of FFHQ at 512 x 512, recolored after another portrait and relit by a trained network. "
    "Ours: whatever was given, as a rule held-out people of `bgswap augment --method recolor --method relight`."
)
MEASURES = (
    Column("MSE", "mse", "lower", "levels²"),
    Column("PSNR", "psnr", "higher", "dB"),
    Column("LPIPS", "lpips", "lower"),
    Column("DISTS", "dists", "lower"),
)
BASELINES = ("reinhard", "histogram")
CONVENTION = (
    "The paper tells neither whether errors are of the whole picture, nor LPIPS's trunk; ours are of the whole "
    "picture, on 0 to 255, and AlexNet's."
)
UNHARMONIZED = Published("Unharmonized", (2711.10, 14.50, 0.21, 0.18))

ABLATION = Table(
    "The improvement brought by the U-Net module and the StyleGAN generator module",
    f"{PAPER}, table 1",
    MEASURES,
    (
        UNHARMONIZED,
        Published("U-Net only", (2398.76, 14.88, 0.24, 0.16)),
        Published("U-Net + StyleGAN", (1181.86, 18.40, 0.14, 0.13)),
    ),
    baselines=BASELINES,
    differs=DIFFERS,
    note=CONVENTION,
)
RIVALS = Table(
    "Harmonized results on their data, each rival as published (pretrained) and trained anew on it (retrained)",
    f"{PAPER}, table 2",
    MEASURES,
    (
        UNHARMONIZED,
        Published("HT, pretrained", (2334.01, 14.89, 0.31, 0.22)),
        Published("HT, retrained", (1748.94, 16.17, 0.30, 0.22)),
        Published("DoveNet, pretrained", (2502.20, 14.40, 0.30, 0.21)),
        Published("DoveNet, retrained", (1828.26, 16.20, 0.25, 0.19)),
        Published("ADFM, pretrained", (2291.10, 17.31, 0.30, 0.22)),
        Published("ADFM, retrained", (1853.00, 16.20, 0.24, 0.18)),
        Published("iDIH-HRNet, pretrained", (2443.50, 14.90, 0.22, 0.18)),
        Published("iDIH-HRNet, retrained", (1675.70, 16.60, 0.25, 0.19)),
        Published("S2CRNet, pretrained", (2360.83, 15.18, 0.31, 0.22)),
        Published("S2CRNet, retrained", (2142.82, 15.82, 0.23, 0.18)),
        Published("Ours (HPBNet)", (1181.86, 18.40, 0.14, 0.13)),
    ),
    baselines=BASELINES,
    differs=DIFFERS,
    note=CONVENTION,
)
STUDY = Table(
    "Bradley-Terry scores of synthesized images and of real composite images",
    f"{PAPER}, table 3",
    (
        Column("B-T score, synthesized", better="higher"),
        Column("B-T score, real composites", better="higher"),
    ),
    (
        Published("Composite real images", (None, 1.94)),
        Published("Ground truth", (8.29, None)),
        Published("HT", (5.18, 6.27)),
        Published("DoveNet", (4.01, 5.99)),
        Published("ADFM", (5.89, 4.83)),
        Published("iDIH-HRNet", (5.83, 4.25)),
        Published("S2CRNet", (4.02, 4.39)),
        Published("Ours (HPBNet)", (7.78, 6.33)),
    ),
    differs=(
        "Theirs: 40 raters, nearly 200 synthesized sets and 1375 real ones. Ours: `bgswap eval study make`, "
        "then `study fit` on its raters' answers."
    ),
    note="Their scores stand on a scale that is not told, ours are logarithms with mean 0: compare ranks only.",
)
SPEED = Table(
    "Seconds for a picture of 512 x 512, and frames a second of a video",
    f"{PAPER}, sections 4.1 and 4.5",
    (
        Column(SECONDS, better="lower", unit="s", digits=3),
        Column(FRAMES, better="higher", digits=0),
    ),
    (Published("Ours (HPBNet)", (0.218, 5)),),
    baselines=BASELINES,
    differs=(
        "Theirs: trained on a Tesla V100; on what the times were measured is not told. "
        "Ours: on this machine, without reading or writing files; --jobs 1 keeps other pictures off it."
    ),
)

TABLES: tuple[Table, ...] = (ABLATION, RIVALS, STUDY, SPEED)
