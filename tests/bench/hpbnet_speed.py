"""Pictures a second of HPBNet's two generators on the CPU: python tests/bench/hpbnet_speed.py [--width 64]

Both in one process, in turn; weights do not matter for time. The paper's is 0.218 s at 512 pixels (section 4.1, about
5 a second on a Tesla V100). The U-Net alone, which both share, is timed beside them, and the two syntheses alone.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from bgswap.networks import hpbnet
from bgswap.networks.hpbnet import HPBNetConfig
from bgswap.networks.stylegan2 import StyleGAN2Config


def seconds(call: Callable[[], Tensor]) -> float:
    """Of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@torch.inference_mode()
def measure(size: int, width: int, multiplier: int, repeat: int) -> str:
    """One row of the table."""
    prior = StyleGAN2Config(size, multiplier)
    ways: dict[str, Callable[[], Tensor]] = {}
    stacked, w = torch.rand(1, 4, size, size).to(memory_format=torch.channels_last), torch.randn(1, prior.style)
    for name, config in (
        ("standard", HPBNetConfig(size, width, prior)),
        ("mobile", HPBNetConfig(size, width, prior, "mobile")),
        ("none", HPBNetConfig(size, width, None)),
    ):
        network = hpbnet.build(config).eval().to(memory_format=torch.channels_last)
        ways[name] = lambda network=network: network(stacked)
        if config.prior:
            synthesis = network.prior.synthesis
            ways[f"{name} alone"] = lambda synthesis=synthesis: synthesis(w)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, call in ways.items():
            taken = seconds(call)
            if turn:  # the first is for warming up
                times[name].append(taken)

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))

    rates = {name: 1 / statistics.median(taken) for name, taken in times.items()}
    return (
        f"{size:5} {rates['standard']:10.2f} {rates['mobile']:10.2f} {ratio('standard', 'mobile'):8.2f}"
        f" {rates['none']:10.2f} {rates['standard alone']:12.2f} {rates['mobile alone']:12.2f}"
        f" {ratio('standard alone', 'mobile alone'):8.2f}"
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512])
    options.add_argument("--width", type=int, default=64)
    options.add_argument("--multiplier", type=int, default=2)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    print(f"{'':5} {'pictures a second, HPBNet':>40} {'its synthesis alone':>35}")
    print(f"{'size':>5} {'standard':>10} {'mobile':>10} {'ratio':>8} {'U-Net only':>10} ", end="")
    print(f"{'standard':>12} {'mobile':>12} {'ratio':>8}")
    for size in chosen.sizes:
        print(measure(size, chosen.width, chosen.multiplier, chosen.repeat), flush=True)


if __name__ == "__main__":
    main()
