"""What the trainings of scripts/gpu.sh have come to: accuracy, speed, memory, and whether a resumed one is the same."""

import sys
from pathlib import Path

import torch

from ufm.train import checkpoint
from ufm.train.run import Run


def line(root: Path, folder: Path) -> str:
    """One training in a line."""
    record = Run(folder).record()
    last = record.data.isel(epoch=-1)
    seconds = float(last.training_seconds)
    accuracy = ", ".join(f"{rule} {100 * value:.1f}" for rule, value in record.accuracies().items())
    trained = f"{float(last.accuracy.sel(split='train', rule='own')):.3f}"
    speed = f"{int(last.step) / seconds:.1f} steps/s" if seconds else ""
    where = f"{folder.relative_to(root)!s:20} {record.config.title}"
    return f"{where}: test % {accuracy}; own rule, training images {trained}; {speed}"


def same(one: Path, other: Path) -> bool:
    """Whether two trainings have ended in the same weights and momentum."""
    ends = [checkpoint.latest(folder / "checkpoints") for folder in (one, other)]
    a, b = (end.tensors for end in ends if end is not None)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def main(root: Path) -> int:
    """Print all; 1 if the interrupted training is another one, or the one under torchrun has not finished."""
    for report in sorted(root.glob("**/report.json")):
        print(line(root, report.parent))
    if (memory := root / "memory.txt").exists():
        print(f"largest memory in use: {max(map(int, memory.read_text().split()), default=0)} MiB")
    resumed = same(root / "whole", root / "parts")
    print(f"interrupted and resumed: {'the same bits' if resumed else 'OTHER BITS'}")
    return 0 if resumed and (root / "torchrun" / "report.json").exists() else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
