"""bgswap matte against rembg: the same ONNX file in both, whole commands, in turn.

    python tests/bench/matte_speed.py --data ../shared/data

rembg runs as its folder command does (one session, one photo after another, `remove` on the file's bytes), without the
command's own start. Like for like is `--refine none --colors photo`; the default refines edges and cleans colors, which
rembg does not do here. Photos are enlarged real ones with noise.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from measure import Run, median, run

from bgswap.folders import picture
from bgswap.zoo import store

REMBG = """
import sys
from pathlib import Path
from rembg import new_session, remove
source, out, model = map(Path, sys.argv[1:])
session = new_session("u2net_custom", model_path=str(model))
for path in sorted(source.iterdir()):
    (out / (path.stem + ".png")).write_bytes(remove(path.read_bytes(), session=session))
"""


def make_photos(data: Path, folder: Path, size: tuple[int, int], count: int) -> Path:
    """Real photos enlarged to (width, height) with light noise, as JPEG of quality 92."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sources = sorted((data / "photos").glob("c*.jpg")) + sorted((data / "people/photos").glob("*.jpg"))
    for number, path in enumerate(sources[:count]):
        photo = picture.read(path).rgb
        turned = photo if (photo.shape[1] > photo.shape[0]) == (size[0] > size[1]) else np.rot90(photo)
        large = cv2.resize(turned, size, interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(large + rng.normal(0, 2, large.shape).astype(np.float32), 0, 255).astype(np.uint8)
        (folder / f"{number:02d}.jpg").write_bytes(picture.encode(noisy, "jpg", quality=92))
    return folder


def write_networks(folder: Path) -> tuple[Path, Path]:
    """Two ONNX files for rembg's u2net_custom, (1, 3, 320, 320) with ImageNet's mean and std -> alpha (1, 1, 320, 320).

    `people` with that input undone and its sigmoid inside, so that both programs see the same mask; and the same with a
    network of u2netp's shape (random weights) run beside it for its time, its output counted a billionth.
    """
    import torch
    from torch import Tensor, nn

    from bgswap.networks import u2net
    from bgswap.zoo.export import load_network

    class Network(nn.Module):
        def __init__(self, beside: nn.Module | None) -> None:
            super().__init__()
            self.people, self.beside = load_network("people", store.SHIPPED / "people.safetensors"), beside
            self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
            self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            alpha = self.people(x * self.std + self.mean).sigmoid()
            return alpha if self.beside is None else alpha + 1e-9 * self.beside(x)[0]

    torch.manual_seed(0)
    paths = []
    for name, beside in (("people", None), ("u2netp", u2net.build(u2net.U2NetConfig(u2net.SMALL)))):
        paths.append(folder / f"{name}-320.onnx")
        network = Network(beside).eval()
        torch.onnx.export(network, (torch.zeros(1, 3, 320, 320),), paths[-1], input_names=["input"], dynamo=False)
    return paths[0], paths[1]


def row(name: str, ours: list[str], theirs: list[str], count: int, repeat: int, environment: dict[str, str]) -> None:
    """Run both commands in turn and print one row."""
    pairs: list[tuple[Run, Run]] = [(run(ours), run(theirs, environment)) for _ in range(repeat)]
    a, b = median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])
    ratios = sorted(pair[1].wall / pair[0].wall for pair in pairs)
    print(
        f"{name:34} {count / a.wall:7.2f} {count / b.wall:7.2f} {ratios[len(ratios) // 2]:6.2f}  "
        f"{a.cpu / count:8.3f} {b.cpu / count:8.3f}  {a.peak_mib:7.0f} {b.peak_mib:7.0f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--count", type=int, default=40)
    options.add_argument("--repeat", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        home = work / "rembg"
        (home / "models").mkdir(parents=True)
        people, other = write_networks(home / "models")
        environment = {
            "REMBG_HOME": str(home),
            "U2NET_HOME": str(home),
            "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        }
        large = make_photos(chosen.data, work / "12mp", (4000, 3000), chosen.count)
        small = make_photos(chosen.data, work / "1mp", (1200, 900), chosen.count)
        one = work / "one"
        one.mkdir()
        shutil.copy(large / "00.jpg", one)

        def compare(title: str, source: Path, model: Path, ours_model: str, *extra: str, repeat: int) -> None:
            out = work / "out"
            for folder in (out / "a", out / "b"):
                folder.mkdir(parents=True, exist_ok=True)
            bgswap = str(Path(sys.executable).parent / "bgswap")
            ours = [bgswap, "matte", str(source), str(out / "a"), "-q", "--model", ours_model, *extra]
            theirs = [sys.executable, "-c", REMBG, str(source), str(out / "b"), str(model)]
            row(title, ours, theirs, len(list(source.iterdir())), repeat, environment)
            shutil.rmtree(out)

        run([sys.executable, "-c", "import rembg"], environment)  # its numba cache is warm from here on
        print(f"{'':34} {'photos a second':>15} {'ratio':>6}  {'CPU s a photo':>17}  {'peak MiB':>15}")
        print(f"{'':34} {'bgswap':>7} {'rembg':>7} {'':>6}  {'bgswap':>8} {'rembg':>8}  {'bgswap':>7} {'rembg':>7}")
        plain = ("--refine", "none", "--colors", "photo", "--passes", "1")
        like, single = chosen.repeat, 2 * chosen.repeat + 1
        compare("12 MP, like for like", large, people, str(people), *plain, repeat=like)
        compare("1 MP, like for like", small, people, str(people), *plain, repeat=like)
        compare("one of 12 MP, cold", one, people, str(people), *plain, repeat=single)
        compare("12 MP, default", large, people, "people", repeat=like)
        compare("1 MP, default", small, people, "people", repeat=like)
        compare("one of 12 MP, cold, default", one, people, "people", repeat=single)
        compare("12 MP, u2netp's shape, like for like", large, other, str(other), *plain, repeat=like)
        compare("1 MP, u2netp's shape, like for like", small, other, str(other), *plain, repeat=like)


if __name__ == "__main__":
    main()
