"""Named trainings: the cells of the paper's tables and figures, and what runs on a laptop."""

from itertools import product
from typing import Any

from ufm.files.text import nearest
from ufm.train.catalogue import METHODS, method_spec
from ufm.train.config import FRAME_FIELDS, Config

TAUS = (0.005, 0.01, 0.02)

SMALL_IMAGES: dict[str, Any] = {"epochs": 200, "measure_every": 5}
"""With the defaults (SGD 0.1, momentum 0.9, weight decay 2e-4, batch 128, steps at 80 and 90 %, warm-up 5 of 200)."""

FASHION: dict[str, Any] = {"dataset": "fashion-mnist", "network": "cnn", "epochs": 80, "measure_every": 4}

IMAGENET: dict[str, Any] = {"batch_size": 512, "weight_decay": 5e-4, "schedule": "cosine"}

OWN_FIELDS = ("hyper", "normalise", "drop")
"""Settings of presets that belong to their method."""

COMPARED = ("CE", "LDAM-DRW", "KCL", "SETF", "ARB", "CAL")
"""Methods of the paper's table 3."""

SHORT: dict[str, Any] = {"epochs": 100, "measure_every": 20}

OFFLINE: dict[str, dict[str, Any]] = {"mnist5k": SHORT, "fashion-mnist": {**SHORT, "n_max": 500}}
"""What can be had without the network; the largest class of Fashion-MNIST is cut so that all of it runs in hours."""

OWN_RULES: dict[str, dict[str, Any]] = {
    "svhn": {"normalise": "unit"},
    "stl10": {"normalise": "unit"},
    "densenet150": {"normalise": "unit-batch"},
}
"""What AL and CAL do to the features of some data sets and networks before the loss, in the code behind the paper."""


def _cell(dataset: str, network: str, method: str, tau: float, **more: Any) -> tuple[str, dict[str, Any]]:
    """The end of a name, and the settings behind it."""
    values = {"dataset": dataset, "network": network, "method": method, "tau": tau, **SMALL_IMAGES}
    if dataset.startswith("imagenet"):
        values |= IMAGENET
    if method == "LDAM-DRW":
        values["drop"] = 0.01  # its own schedule
    if METHODS[method].loss == "cosine":
        values |= OWN_RULES.get(dataset, {}) | OWN_RULES.get(network, {})
    mixed = "-mixup" if more.get("mixup") else ""
    return f"{dataset}-{network}-{method.lower()}-{tau:g}{mixed}", values | more


def _build() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    def add(group: str, cell: tuple[str, dict[str, Any]], ending: str = "") -> None:
        found[f"{group}/{cell[0]}{ending}"] = cell[1]

    compared = ("CE", "SETF", "CAL")
    for method, tau, mixup in product(compared, (*TAUS, 1.0), (0.0, 1.0)):
        add("table1", _cell("cifar100", "resnet50", method, tau, mixup=mixup))
    for group, datasets in (("table2", ("cifar10", "cifar100")), ("table5", ("svhn", "stl10"))):
        for dataset, network, method, tau in product(datasets, ("resnet50", "densenet150"), compared, TAUS):
            add(group, _cell(dataset, network, method, tau))
    for dataset, method in product(("cifar10", "cifar100", "imagenet-lt"), COMPARED):
        for tau in (1.0,) if dataset == "imagenet-lt" else TAUS:  # the published list has its own sizes
            add("table3", _cell(dataset, "resnet50", method, tau))
    for method, tau, mixup in product(("P", "CAL"), TAUS, (0.0, 1.0)):
        add("table4", _cell("cifar100", "resnet50", method, tau, mixup=mixup))
    for f, theta in product((5, 10, 20), (0.1, 0.2, 0.5)):
        add("table6", _cell("cifar100", "resnet50", "CAL", 0.005, f=f, theta=theta), f"-f{f}-theta{theta:g}")
    for dataset, method, tau in product(("cifar10", "cifar100"), ("RBL", "RBL+PLA", "CAL"), TAUS):
        add("table7", _cell(dataset, "resnet50", method, tau))
    # The paper puts a linear layer behind every network that it draws the collapse of.
    for dataset, method in product(("cifar100", "cifar10"), ("AL", "CAL")):
        add("figure1", _cell(dataset, "resnet50", method, 0.01, expand=True))
    for tau, penalty in product(TAUS, (5e-4, 0.0)):
        cell = _cell("cifar10", "resnet50", "P", tau, expand=True, penalty=penalty)
        add("figure4", cell, "" if penalty else "-free-norms")
    for network in ("densenet150", "resnet50", "lenet", "vgg11"):
        add("figure5", _cell("cifar10", network, "CAL", 0.01, expand=True))
    for group in ("figure6", "figure7"):
        add(group, _cell("cifar10", "resnet50", "CAL", 0.01, expand=True))
    for dataset, method, tau in product(OFFLINE, METHODS, (*TAUS, 0.1, 1.0)):
        add("offline", _cell(dataset, "cnn", method, tau, **OFFLINE[dataset]))
    # KCL compares random crops of an image, which these data sets have not otherwise: what do crops do alone?
    for dataset, method, tau in product(OFFLINE, ("CE", "CE+LA"), (*TAUS, 0.1, 1.0)):
        add("offline", _cell(dataset, "cnn", method, tau, augmentation="crop", **OFFLINE[dataset]), "-crop")
    for f, theta in product((2, 5, 10, 20, 40), (0.05, 0.1, 0.2, 0.5, 1.0)):
        more = {**SHORT, "n_max": 1000, "expand": True, "f": f, "theta": theta}
        add("angles", _cell("fashion-mnist", "cnn", "CAL", 0.01, **more), f"-f{f}-theta{theta:g}")
    for method, tau in product(("CE", "SETF", "AL", "CAL", "P"), (0.01, 0.1)):
        found[f"fashion/{method.lower()}-{tau:g}"] = {"method": method, "tau": tau, **FASHION}
    return found


PRESETS = _build()
"""Settings by name; everything else has its default."""


def preset(name: str, **said: Any) -> Config:
    """The configuration of a named training, with some values replaced.

    Raises
    ------
    ValueError : an unknown name (the nearest is suggested), or values that Config refuses.

    Examples
    --------
    >>> preset("table2/cifar100-resnet50-cal-0.01", seed=1).title
    'CAL on cifar100, tau 0.01, resnet50, seed 1'
    """
    if name not in PRESETS:
        raise ValueError(f"training {name!r} is unknown{nearest(name, PRESETS, n=3)}")
    return complete(PRESETS[name], said)


def cells(table: str) -> list[str]:
    """Names of the trainings of a table, or of a figure."""
    return [name for name in PRESETS if name.startswith(f"{table}/")]


def sharing(table: str) -> dict[str, str]:
    """For each training of a table the name of the one whose training it shares; its own name if there is none."""
    configs = {name: preset(name) for name in cells(table)}
    names: dict[Config | None, str] = {config: name for name, config in configs.items()}
    return {name: names.get(config.trained_as(), name) for name, config in configs.items()}


def complete(base: dict[str, Any], said: dict[str, Any]) -> Config:
    """``base`` with what is said on top; what belongs to the method of ``base`` alone is dropped for another.

    Frames keep f, theta and basis; centers, penalty, hyperparameters and normalisation are each method's own.
    """
    method: str = {**base, **said}["method"]
    if method != base["method"]:
        framed = method_spec(method).loss is not None
        dropped = ("centers", "penalty", *OWN_FIELDS) if framed else (*FRAME_FIELDS, "expand", *OWN_FIELDS)
        base = {name: value for name, value in base.items() if name not in dropped}
    return Config(**{**base, **said})
