"""Do metrics agree with independent implementations, and how fast are they: `python tests/bench/metrics.py`.

agreement, on 20 validation people, each recolored, with an estimated matte and moved boxes, and on 20 frames of a
recolored video: the mean of our values and of the reference's (tests/evaluation/references.py), and the largest
difference over pictures, absolute and as a share. Networks: SqueezeNet with real weights, LPIPS' published heads,
AlexNet and a VGG of an eighth of the width with seeded ones; FID and KID of SqueezeNet's features, not Inception's.

speed, a row a metric: pictures a second of ours and of its rival (tests/bench/metric_rivals.py), and ours over theirs,
first at 256 x 256, then at --large; a star marks less than 0.9. Both see the same tensors in memory, on one thread, in
alternating rounds; figures are medians, in seconds of the processor, so that other work on the machine counts little.
Boxes are measured by 1 and by 1000 records in the two columns, fid and kid by sets of 100 and of 2000 pictures of
512 features; metrics by VGG, which takes minutes, at a quarter of --large's sides. The rows "decode" tell how often
two pictures are decoded a second, which each of these metrics has to wait for. MiB: the most memory that the large
call takes beside its inputs, in a process of its own.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests' own modules

from metric_rivals import NETWORKS, of_set, rival

from bgswap.evaluation.metric import Metric, find
from bgswap.folders import picture
from tests.evaluation import cases
from tests.evaluation.references import every

ROUNDS, SHORT = 5, 0.1  # seconds a round at least
SLOW = 4.0  # seconds; what takes longer is measured in one round
SETS = (100, 2000)

Size = tuple[int, int]
Roles = dict[str, Tensor]


def agreement(data: Path, names: list[str], count: int) -> None:
    pictures, frames = cases.scenes(data, count), cases.video(data, count)
    print(f"{'':22}{'ours, mean':>15}{'reference':>15}{'largest difference':>20}{'as a share':>12}")
    for name in names:
        found = cases.compare(name, pictures, frames, data)
        means = f"{found.ours.mean():15.8g}{found.theirs.mean():15.8g}"
        print(f"{name:22}{means}{found.largest:20.1e}{found.relative:12.1e}", flush=True)


def inputs(data: Path, size: Size) -> Roles:
    """The first picture of the agreement at that (height, width), with a little noise where it grows."""
    random = np.random.default_rng(0)

    def resized(values: Tensor) -> Tensor:
        if values.ndim < 4:
            return values
        pixels = np.moveaxis(values[0].numpy(), 0, 2)
        grown = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA if size[0] < 300 else cv2.INTER_CUBIC)
        if grown.ndim == 3:
            grown = grown + random.normal(0, 1.5 / 255, grown.shape).astype(np.float32)
        planes = np.rint(np.moveaxis(grown.reshape(*size, -1).clip(0, 1), 2, 0) * 255)
        return torch.from_numpy(np.ascontiguousarray(planes, np.float32) / np.float32(255))[None]

    roles = {role: resized(values) for role, values in cases.scenes(data, 1)[0].items()}
    roles["region"] = torch.ones_like(roles["true_alpha"])
    before = {
        "true_previous": "input",
        "previous": "cut_out",
        "true_previous_alpha": "mask",
        "previous_alpha": "region",
    }
    return roles | {role: roles[other] for role, other in before.items()}


def alternating(calls: list[Callable[[], Any]]) -> list[float]:
    """Times a second of each call."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            began, done = time.process_time(), 0
            while done == 0 or time.process_time() - began < SHORT:
                call()
                done += 1
            taken.append((time.process_time() - began) / done)
        if number == 0 and max(taken[0] for taken in times) > SLOW:
            break
    return [1 / statistics.median(taken) for taken in times]


def pair(metric: Metric, roles: Roles, parts: list[nn.Module]) -> tuple[str, list[Callable[[], Any]]]:
    """The rival's name, our call and the rival's."""
    tensors = cases.given(metric, roles)
    name, theirs = rival(metric, tensors, parts)
    mine = tensors[:-1] if metric.roles[-1] == "region" else tensors  # the whole picture, as rivals know nothing else
    return name, [partial(ours(metric), *mine, **metric.trunk(parts)), theirs]


def set_pair(metric: Metric, count: int) -> tuple[str, list[Callable[[], Any]]]:
    random = torch.Generator().manual_seed(0)
    both = torch.rand(2, count, 512, generator=random)
    return "torchmetrics", [lambda: metric.of_features(*both), of_set(metric, *both)]


def thousand(metric: Metric, roles: Roles) -> tuple[str, list[Callable[[], Any]]]:
    """One call of ours with a thousand records; the reference takes them one by one."""
    tensors = cases.given(metric, roles)
    name, theirs = rival(metric, tensors, [])
    many = [tensor.expand(1000, *tensor.shape[1:]).contiguous() for tensor in tensors]
    return name, [partial(ours(metric), *many), lambda: [theirs() for _ in range(1000)]]


def ours(metric: Metric) -> Callable[..., Tensor]:
    """The function of the metric's file, in its variant."""
    function = getattr(metric.module, "features" if metric.of_set else metric.module.__name__.rpartition(".")[2])
    return partial(function, **metric.accepted(function))


def measured(metric: Metric, roles: list[Roles], quarter: Roles) -> Iterator[tuple[str, list[float]]]:
    """The rival's name and both rates, at both sizes."""
    parts = [NETWORKS[name]() for name in metric.models] if not metric.of_set else []
    for number, shown in enumerate(roles):
        if metric.of_set and not metric.sequence:
            name, calls = set_pair(metric, SETS[number])
        elif metric.name.startswith("box") and number:
            name, calls = thousand(metric, shown)
        else:
            name, calls = pair(metric, quarter if number and by_vgg(metric) else shown, parts)
        calls[0]()  # kernels are chosen, modules imported
        yield name, alternating(calls)


def by_vgg(metric: Metric) -> bool:
    return metric.name.startswith(("lpips", "perceptual")) and any("vgg" in name for name in metric.models)


def decode_rows(roles: list[Roles]) -> None:
    for kind in ("jpg", "png"):
        cells = ""
        for shown in roles:
            both = [np.moveaxis(np.rint(shown[role][0].numpy() * 255), 0, 2) for role in ("predicted", "true")]
            files = [picture.encode(np.ascontiguousarray(pixels.astype(np.uint8)), kind) for pixels in both]
            (found,) = alternating([lambda files=files: [picture.read(file) for file in files]])
            cells += f"{found:10.4g}{'':20}"
        print(f"{'decode ' + kind:22}{'':14}{cells}", flush=True)


def speed(data: Path, names: list[str], large: Size) -> None:
    roles = [inputs(data, (256, 256)), inputs(data, large)]
    quarter = inputs(data, (large[0] // 4, large[1] // 4))
    print(f"{'':22}{'rival':14}{'256 x 256: ours, theirs, ratio':>30}{'large: ours, theirs, ratio':>30}{'MiB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for role, values in roles[1].items():
            np.save(Path(folder) / f"{role}.npy", values.numpy())
        decode_rows(roles)
        for name in names:
            (metric,) = find([name])
            rows = list(measured(metric, roles, quarter))
            cells = "".join(
                f"{mine:10.4g}{theirs:10.4g}{mine / theirs:9.3g}{'*' if mine < 0.9 * theirs else ' '}"
                for _, (mine, theirs) in rows
            )
            memory = (
                ""
                if (metric.of_set and not metric.sequence) or name.startswith("box") or by_vgg(metric)
                else peak(name, Path(folder))
            )
            print(f"{name:22}{rows[0][0]:14}{cells}{memory:>8}", flush=True)


def peak(name: str, folder: Path) -> str:
    """MiB that one call takes beside its inputs, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", name, "--inputs", str(folder)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "failed"


def child(name: str, folder: Path) -> None:
    """What the other process does; twice the call on a corner first, so that libraries are loaded."""
    (metric,) = find([name])
    wanted = ["cut_out" if role == "predicted" and name == "halo" else role for role in metric.roles]
    tensors = [torch.from_numpy(np.load(folder / f"{role}.npy")) for role in wanted]
    trunk = metric.trunk([NETWORKS[model]() for model in metric.models])
    metric(*(tensor[..., :128, :128].contiguous() for tensor in tensors), **trunk)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew; see proc(5)
    before = status("VmRSS")
    metric(*tensors, **trunk)
    print(round((status("VmHWM") - before) / 1024))


def status(field: str) -> int:
    """KiB of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--what", choices=("agreement", "speed"), help="both by default")
    parser.add_argument("--large", default="4000x3000", metavar="WIDTHxHEIGHT")
    parser.add_argument("--pictures", type=int, default=20, help="of the agreement")
    parser.add_argument("--metrics", default=",".join(every()), help="names, by comma")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # torchmetrics', that KID keeps its features, a line a call
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with threadpool_limits(1), torch.inference_mode():
        if asked.peak:
            child(asked.peak, asked.inputs)
            return
        if not (asked.data / "people").is_dir():
            print(f"nothing to measure: no photos at {asked.data}")
            return
        names = asked.metrics.split(",")
        if asked.what != "speed":
            agreement(asked.data, names, asked.pictures)
        if asked.what != "agreement":
            width, height = map(int, asked.large.split("x"))
            speed(asked.data, names, (height, width))


if __name__ == "__main__":
    main()
