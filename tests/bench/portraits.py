"""Pictures of a trained stylegan2, and copies of its mean's picture, as folders for bgswap eval; and their KID.

    python tests/bench/portraits.py RUN OUT [--count 500] [--mean OUT2] [--psi 1] [--seed 0] [--true FOLDER]

OUT gets `count` PNG files of random z. --mean OUT2 gets as many copies of one picture, that of the mean w: what a
generator that knows one average face would make. --true names real portraits (bgswap augment --method portrait): the
files then take their names, so that `bgswap eval OUT --true FOLDER --metric kid` finds pairs, `count` is at most their
number, and the KID of both on features of --features (squeezenet1_1; or "self", our people network) is printed.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bgswap.evaluation.metrics import kid
from bgswap.folders import picture
from bgswap.networks.stylegan2 import StyleGAN2
from bgswap.training.tools import Tools
from bgswap.zoo.modules import load_network

BATCH = 25
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def made(network: StyleGAN2, count: int, psi: float, seed: int) -> Iterator[Tensor]:
    """Pictures (B, 3, H, W) 0..1, `count` in all."""
    generator = torch.Generator().manual_seed(seed)
    device = next(network.parameters()).device
    for first in range(0, count, BATCH):
        z = torch.randn(min(BATCH, count - first), network.config.style, generator=generator)
        with torch.inference_mode():
            yield network(z.to(device), psi=psi).float().cpu()


def save(pictures: Tensor, names: list[str], folder: Path) -> None:
    """One PNG a picture."""
    from PIL import Image

    for one, name in zip(pictures, names, strict=True):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((one * 255).round().byte().permute(1, 2, 0).numpy()).save(path)


def real(paths: list[Path], side: int) -> Tensor:
    """Portraits (N, 3, side, side) 0..1."""
    import cv2

    rows = []
    for path in paths:
        pixels = picture.read(path).rgb
        pixels = pixels if pixels.shape[0] == side else cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        rows.append(torch.from_numpy(np.array(pixels, np.float32) / 255).permute(2, 0, 1))
    return torch.stack(rows)


def features(looks: nn.Module, pictures: Tensor) -> Tensor:
    """(N, D): the deepest map's mean over the picture, as the recipe's own validation has it."""
    with torch.inference_mode():
        return torch.cat([looks.features(part)[-1].mean((2, 3)) for part in pictures.split(BATCH)])


def main() -> None:
    """Write the folders; print KIDs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--mean", type=Path)
    parser.add_argument("--psi", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--true", type=Path)
    parser.add_argument("--features", default="squeezenet1_1")
    asked = parser.parse_args()
    network, _ = load_network(asked.run, "cpu")
    if not isinstance(network, StyleGAN2):
        parser.error(f"{asked.run} holds no stylegan2")
    paths = sorted(p for p in asked.true.rglob("*") if p.suffix.lower() in SUFFIXES) if asked.true else []
    paths = paths[: asked.count]
    count = len(paths) or asked.count
    names = [str(path.relative_to(asked.true).with_suffix("")) for path in paths] or [f"{i:04d}" for i in range(count)]
    pictures = torch.cat(list(made(network, count, asked.psi, asked.seed)))
    save(pictures, names, asked.out)
    mean = next(made(network, 1, 0.0, 0)).expand(count, -1, -1, -1)
    if asked.mean:
        save(mean, names, asked.mean)
    if paths:
        looks = Tools().perceptual(asked.features)
        wanted = features(looks, real(paths, network.config.size))
        for what, shown in (("made", pictures), ("mean", mean)):
            print(f"kid of {what}: {kid.of_set(features(looks, shown), wanted):.5f} ({count} pictures)")


if __name__ == "__main__":
    main()
