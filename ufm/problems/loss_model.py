"""What models share that minimise a loss of logits: it has a name, or it is code of the user's own."""

from typing import Any

from ufm.files.store import config_key
from ufm.problems import logits
from ufm.problems.file_loss import BETWEEN, FileLoss
from ufm.problems.model import Model


class LossModel(Model):
    """A :class:`Model` with a field ``loss``: a word of :data:`ufm.problems.logits.NAMED`, or an object."""

    loss: Any

    def _require_loss(self) -> None:
        """Raise ValueError for what is no loss."""
        if isinstance(self.loss, str) and BETWEEN in self.loss:
            raise ValueError(f"loss={self.loss!r} is code: only a model file, --loss or read_loss runs it")
        loss = self.loss_object()
        if not hasattr(loss, "at"):
            made = f"loss = ufm.TorchLogitLoss({getattr(loss, '__name__', 'f')})"
            hint = f": wrap it in ufm.TorchLogitLoss or ufm.NumpyLogitLoss, {made}" if callable(loss) else ""
            raise ValueError(f"loss={self.loss!r} has no method at(logits, targets, counts){hint}")
        if not hasattr(loss, "exchangeable"):
            raise ValueError(f"loss={self.loss!r} does not say whether it is exchangeable: False is always right")

    def loss_object(self) -> Any:
        """The loss itself, without weights, temperatures and shifts. Raises ValueError for an unknown name."""
        if isinstance(self.loss, FileLoss):
            return self.loss.loss
        return logits.named(self.loss) if isinstance(self.loss, str) else self.loss

    @property
    def loss_name(self) -> str:
        """Of the loss; of one of one's own that of its class, or of the callable that it is made of."""
        return self.loss if isinstance(self.loss, str) else getattr(self.loss, "name", type(self.loss).__qualname__)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what was left out is left out. A loss of a file is FILE.py::NAME."""
        if not isinstance(self.loss, str | FileLoss):
            raise ValueError(f"loss={self.loss!r} is code: only losses with a name can be written down")
        return {**super().to_dict(), "loss": str(self.loss)}

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name this model.

        A loss of a file goes by its name there and the digest of the file, others of one's own by :attr:`loss_name`.
        """
        if isinstance(self.loss, str):
            return config_key(self.to_dict())
        said = self.loss.identity if isinstance(self.loss, FileLoss) else {"loss": self.loss_name}
        return config_key({**self.replace(loss="mse").to_dict(), **said})
