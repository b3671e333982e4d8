"""Callbacks in the libraries that they are for, where these are installed."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ufm.train import lightning_callback, trainer_callback

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("default")]

LABELS = torch.arange(90) % 3
INPUTS = torch.randn(90, 4, generator=torch.Generator().manual_seed(1)) + 3 * nn.functional.one_hot(LABELS, 4)


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_lightning():
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))

        def forward(self, inputs):
            return self.net(inputs)

        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fitted(*callbacks):
        torch.manual_seed(0)
        module = Module()
        quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
        trainer = lightning.Trainer(max_epochs=4, accelerator="cpu", callbacks=[*callbacks], **quiet)
        trainer.fit(module, DataLoader(TensorDataset(INPUTS, LABELS), batch_size=32, shuffle=True))
        return trainer, module

    callback = lightning_callback(layers=["net.0"], every=2)
    trainer, module = fitted(callback)
    assert callback.watch.data.epoch.values.tolist() == [2, 4]
    assert float(trainer.callback_metrics["collapse/nc1"]) == pytest.approx(float(callback.watch.data.nc1[-1, -1]))
    assert same(module, fitted()[1])


class Dicts(torch.utils.data.Dataset):
    """Batches as Hugging Face's models take them."""

    def __len__(self):
        return len(LABELS)

    def __getitem__(self, index):
        return {"inputs": INPUTS[index], "labels": LABELS[index]}


class Net(nn.Module):
    """A loss first, where there are labels."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2)), nn.Linear(8, 3)

    def forward(self, inputs, labels=None):
        logits = self.head(self.body(inputs))
        return {"logits": logits} if labels is None else {"loss": nn.functional.cross_entropy(logits, labels)}


def test_hugging_face(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")

    def fitted(*callbacks):
        torch.manual_seed(0)
        options = {"report_to": [], "save_strategy": "no", "use_cpu": True, "disable_tqdm": True}
        arguments = transformers.TrainingArguments(str(tmp_path), num_train_epochs=3, **options)
        trainer = transformers.Trainer(Net(), arguments, train_dataset=Dicts(), callbacks=[*callbacks])
        trainer.train()
        return trainer

    callback = trainer_callback(layers=["body"])
    trainer = fitted(callback)
    assert callback.watch.data.epoch.values.tolist() == [1, 2, 3]
    logged = [each["collapse/nc1"] for each in trainer.state.log_history if "collapse/nc1" in each]
    assert logged == callback.watch.data.nc1[:, -1].values.tolist()
    assert same(trainer.model, fitted().model)
