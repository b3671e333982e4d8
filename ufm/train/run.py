"""One training in a folder of its own: configuration, predictions, record, checkpoints.

::

    RUN/predictions.json   what theory says of it, written before the first step
    RUN/config.json        what is trained; with it a training has begun
    RUN/metrics.nc         the record, a row per measured epoch
    RUN/checkpoints/       the last two states
    RUN/collapse.png, report.json   a picture and the verdicts, at the end; with the report it is finished
"""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ufm.files import store
from ufm.train.config import Config
from ufm.train.record import Record


@dataclass(frozen=True)
class Run:
    """A folder and what it says. Nothing is read or written before a method is called."""

    folder: Path

    @property
    def exists(self) -> bool:
        """Whether a training was begun here."""
        return (self.folder / "config.json").exists()

    @property
    def finished(self) -> bool:
        """Whether the report is written, which comes after the last measurement, the last checkpoint and the picture.

        Raises ValueError if no training was begun here, DamagedFile.
        """
        return self._ended() is not None

    def _ended(self) -> Record | None:
        config = self.config()
        if not all((self.folder / name).exists() for name in ("metrics.nc", "report.json")):
            return None
        record = self.record()
        return record if record.epochs[-1:] == [config.epochs] else None

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Hold the folder against other processes. Raises ValueError if one holds it already."""
        return store.alone(self.folder, "training")

    def begin(self, config: Config, predictions: Mapping[str, Any], smoke: bool) -> None:
        """Write down what is going to happen."""
        store.save_json(self.folder / "predictions.json", dict(predictions))  # first: resuming needs both
        store.save_json(self.folder / "config.json", store.sealed({"configuration": config.to_dict(), "smoke": smoke}))

    def _json(self, name: str) -> dict[str, Any]:
        try:
            return store.unsealed(self.folder / name)
        except FileNotFoundError:
            raise ValueError(f"{self.folder} is not the folder of a training: {name} is missing") from None

    def config(self) -> Config:
        """What is trained here. Raises ValueError if it is no such folder, DamagedFile."""
        values = self._json("config.json")
        if not values.keys() <= {"configuration", "smoke"}:
            raise store.DamagedFile(f"{self.folder / 'config.json'} is damaged: it holds {', '.join(values)}")
        try:
            return Config.from_dict(values.get("configuration", {}))
        except (TypeError, AttributeError) as error:
            raise store.DamagedFile(f"{self.folder / 'config.json'} is damaged: {error}") from None

    @property
    def smoke(self) -> bool:
        """Whether the images are synthetic."""
        return bool(self._json("config.json").get("smoke"))

    def predictions(self) -> dict[str, Any]:
        """What was predicted before the first step. Raises ValueError, DamagedFile."""
        return self._json("predictions.json")

    def digest(self) -> str:
        """Digest of the predictions, which the record carries: it shows that they were not changed later."""
        return hashlib.sha256((self.folder / "predictions.json").read_bytes()).hexdigest()

    def record(self) -> Record:
        """What was measured so far. Raises ValueError if nothing was, DamagedFile."""
        path = self.folder / "metrics.nc"
        if not path.exists():
            raise ValueError(f"{self.folder} has no metrics.nc: nothing was measured yet")
        return Record.load(path)

    def evidence(self) -> tuple[Record, dict[str, Any]]:
        """Record and predictions of a finished training.

        Raises ValueError if it is not finished, or if the predictions are not those that were there before it began.
        """
        evidence = self.outcome()
        if evidence is None:
            raise ValueError(f"{self.folder} is not finished: ufm train --resume {self.folder}")
        return evidence

    def outcome(self) -> tuple[Record, dict[str, Any]] | None:
        """As :meth:`evidence`, but None where the training is not finished."""
        record = self._ended()
        if record is None:
            return None
        if record.data.attrs.get("predictions") != self.digest():
            raise store.DamagedFile(f"{self.folder / 'predictions.json'} was changed after the training began")
        return record, self.predictions()
