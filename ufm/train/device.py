"""Where the arithmetic happens: one device per process, and the other processes of the run."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ufm.train.config import Config


@dataclass(frozen=True)
class Device:
    """Device of this process, its rank, and how many processes there are (torchrun's; 1 without it)."""

    place: torch.device
    rank: int = 0
    world: int = 1

    @classmethod
    def choose(cls, kind: str = "auto", threads: int | None = None, *, deterministic: bool = False) -> "Device":
        """The device of that kind; auto takes CUDA, then MPS, then CPU. Joins the process group under torchrun.

        A CPU repeats itself bit for bit; CUDA does so only if ``deterministic``, and is slower then. Raises ValueError
        for a device that is not there.
        """
        available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if kind == "auto":
            kind = next(name for name in ("cuda", "mps", "cpu") if available[name])
        if kind not in available:
            raise ValueError(f"device={kind!r} is unknown: auto, {', '.join(available)}")
        if not available[kind]:
            there = ", ".join(name for name, present in available.items() if present)
            raise ValueError(f"device={kind} is not available to this torch {torch.__version__}: {there} is")
        if threads is not None:
            if threads < 1:
                raise ValueError(f"threads={threads} must be at least 1")
            torch.set_num_threads(threads)
        if deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
            torch.use_deterministic_algorithms(True)
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        place = torch.device(kind)
        if kind == "cuda":
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(place)
        if world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if kind == "cuda" else "gloo")
        return cls(place, rank, world)

    @property
    def is_main(self) -> bool:
        """Whether this process measures, writes and speaks."""
        return self.rank == 0

    @property
    def check_every(self) -> int:
        """Steps between two looks at the loss: each look waits for the device, which costs nothing on a CPU."""
        return 1 if self.place.type == "cpu" else 20

    def autocast(self, config: Config) -> torch.dtype | None:
        """bf16 if the configuration asks for it, or leaves it open and the device computes in it; else None."""
        wanted = config.precision == "bf16"
        if config.precision == "auto" and self.place.type == "cuda":
            wanted = torch.cuda.is_bf16_supported(including_emulation=False)
        elif config.precision == "auto" and self.place.type == "cpu":
            wanted = _bf16_on_cpu()
        return torch.bfloat16 if wanted else None

    def wrap(self, module: nn.Module, *, staged: bool) -> nn.Module:
        """The module, averaging its gradients over the processes if there are several.

        ``staged`` says that some parameters are left out of some steps.
        """
        if self.world == 1:
            return module
        places = [self.place] if self.place.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, places, find_unused_parameters=staged)

    def agree(self, flag: bool) -> bool:
        """Whether any process says so."""
        return bool(self.average(torch.tensor(float(flag), device=self.place)) > 0)

    def average(self, values: Tensor) -> Tensor:
        """Mean of the values over the processes."""
        if self.world > 1:
            values = values.clone()
            dist.all_reduce(values)
            values /= self.world
        return values

    def wait(self) -> None:
        """Wait for the other processes."""
        if self.world > 1:
            dist.barrier()

    def leave(self) -> None:
        """Leave the process group."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def describe(self) -> dict[str, Any]:
        """For the record: name, threads, versions."""
        name = torch.cuda.get_device_name(self.place) if self.place.type == "cuda" else self.place.type
        return {
            "device": name,
            "processes": self.world,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }


def _bf16_on_cpu() -> bool:
    """Whether this processor multiplies bf16 matrices by itself; emulated, bf16 is slower than float32."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
