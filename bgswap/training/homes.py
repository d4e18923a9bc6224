"""Where training runs: one process, or many through lightning-fabric, which only this file knows.

Question: DDP's wrapped modules, or gradients averaged by us? Choice: by us, once a phase, in one flat tensor, as
StyleGAN2's authors do. Why: a GAN calls parts of its networks several times a step and differentiates twice (R1, path
length), which DDP's hooks forbid or make fragile. What would change it: networks so large that overlapping
communication with the backward pass matters.
"""

import os
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from bgswap.errors import NotReady, UsageError, missing_extra


class Home(Protocol):
    """The device of this process, and the others that it trains with."""

    device: torch.device
    rank: int
    world: int

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision, where it was asked for."""

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor's mean over all processes, in place."""

    def barrier(self) -> None:
        """Wait for all processes."""


class Alone:
    """One process. half: the type that convolutions and products are computed in."""

    rank, world = 0, 1

    def __init__(self, device: torch.device | str = "cpu", half: torch.dtype | None = None):
        self.device, self.half = torch.device(device), half

    def autocast(self) -> AbstractContextManager[Any]:
        """See Home."""
        return torch.autocast(self.device.type, self.half) if self.half else nullcontext()

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """See Home: there is nobody else."""

    def barrier(self) -> None:
        """See Home."""


class Together:
    """One of several processes, started here, by torchrun or by SLURM."""

    def __init__(self, fabric: Any):
        self.fabric, self.device, self.rank, self.world = (
            fabric,
            fabric.device,
            fabric.global_rank,
            fabric.world_size,
        )

    def autocast(self) -> AbstractContextManager[Any]:
        """See Home."""
        found: AbstractContextManager[Any] = self.fabric.autocast()
        return found

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """See Home."""
        if not tensors:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
        flat = self.fabric.all_reduce(flat, reduce_op="sum").div_(self.world)
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def barrier(self) -> None:
        """See Home."""
        self.fabric.barrier()


def open_home(device: str, devices: int, nodes: int, precision: str) -> Home:
    """Start or join the processes; each gets its own home. Without others, Fabric is not even imported.

    Args:
        device: "cpu", "cuda" or "cuda:N", as `bgswap.zoo.devices` chose it.
        devices: processes on this machine, one a GPU or, on the CPU, that share its cores.
        nodes: machines; more than one are started by torchrun or SLURM.
        precision: "fp32" or "bf16".

    Raises:
        UsageError: several nodes without anything that started them.
        NotReady: lightning-fabric is not installed.
    """
    half = torch.bfloat16 if precision == "bf16" else None
    started = "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_NTASKS" in os.environ
    if devices * nodes == 1 and not (started and int(os.environ.get("WORLD_SIZE", "1")) > 1):
        return Alone(device, half)
    if nodes > 1 and not started:
        raise UsageError("--nodes needs torchrun or SLURM to start it on every machine: torchrun --nnodes ...")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from lightning_fabric import Fabric
    except ImportError:
        raise missing_extra("train", "training on several devices") from None
    kind = device.partition(":")[0]
    if kind == "cuda" and torch.cuda.device_count() < devices:
        raise NotReady(f"--devices {devices}: this machine has {torch.cuda.device_count()} GPUs that work here")
    fabric = Fabric(
        accelerator=kind,
        devices=devices,
        num_nodes=nodes,
        strategy="ddp",
        precision="bf16-mixed" if half else "32-true",
    )
    fabric.launch()
    if kind == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // devices))
    return Together(fabric)
