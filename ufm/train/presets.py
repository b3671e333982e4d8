"""Named trainings: the cells of the paper's tables and figures, and what runs on a laptop."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from ufm.files.text import known_as, suggestion
from ufm.problems.presets import PENALTY
from ufm.train.catalogue import METHODS, method_spec
from ufm.train.config import FRAME_FIELDS, Config

TAUS = (0.005, 0.01, 0.02)
MORE_TAUS = (*TAUS, 0.1, 1.0)

SMALL_IMAGES: dict[str, Any] = {"epochs": 200, "measure_every": 5}
"""With the defaults (SGD 0.1, momentum 0.9, weight decay 2e-4, batch 128, steps at 80 and 90 %, warm-up 5 of 200)."""

IMAGENET: dict[str, Any] = {"batch_size": 512, "weight_decay": 5e-4, "schedule": "cosine"}

OWN_FIELDS = ("hyper", "normalise", "drop")
"""Settings of presets that belong to their method."""

OWN_RULES: dict[str, dict[str, Any]] = {
    "svhn": {"normalise": "unit"},
    "stl10": {"normalise": "unit"},
    "densenet40": {"normalise": "unit-batch"},
    "densenet150": {"normalise": "unit-batch"},
}
"""What AL and CAL do to the features of some data sets and networks before the loss, in the code behind the paper."""


@dataclass(frozen=True)
class Family:
    """Trainings that stand next to each other: every data set, network, method, tau and variant of them."""

    group: str
    """First part of their names: a table or a figure."""
    datasets: tuple[str, ...] = ("cifar100",)
    networks: tuple[str, ...] = ("resnet50",)
    methods: tuple[str, ...] = ("CE", "SETF", "CAL")
    taus: tuple[float, ...] = TAUS
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of all of them."""
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    """Settings by the end of the name."""
    name: str = "{dataset}-{network}-{method}-{tau:g}"
    """The part of a name in between."""

    def cells(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and settings."""
        for dataset, network, method, tau in product(self.datasets, self.networks, self.methods, self.taus):
            name = self.name.format(dataset=dataset, network=network, method=method.lower(), tau=tau)
            cell = {"dataset": dataset, "network": network, "method": method, "tau": tau}
            for ending, variant in self.variants.items():
                settings = cell | SMALL_IMAGES | _usual(dataset, network, method) | {**self.settings, **variant}
                yield f"{self.group}/{name}{ending}", settings


def _usual(dataset: str, network: str, method: str) -> dict[str, Any]:
    """What some data sets, networks and methods have of their own, in every table."""
    settings = dict(IMAGENET) if dataset.startswith("imagenet") else {}
    if method == "LDAM-DRW":
        settings["drop"] = 0.01  # its own schedule
    trained = METHODS[method].trained_as or method
    if network == "convnet" and (dataset, trained) in RATES:
        settings["lr"] = RATES[dataset, trained]
    if METHODS[method].loss == "cosine":
        settings |= OWN_RULES.get(dataset, {}) | OWN_RULES.get(network, {})
    return settings


def _angles(fs: tuple[int, ...], thetas: tuple[float, ...]) -> dict[str, dict[str, Any]]:
    return {f"-f{f}-theta{theta:g}": {"f": f, "theta": theta} for f, theta in product(fs, thetas)}


CIFAR = ("cifar10", "cifar100")
DEEP = ("resnet50", "densenet150")
COMPARED = ("CE", "LDAM-DRW", "KCL", "SETF", "ARB", "CAL")
FIVE = ("CE", "SETF", "AL", "CAL", "P")
MIXUP = {"": {"mixup": 0.0}, "-mixup": {"mixup": 1.0}}
NORMS = {"": {"penalty": 5e-4}, "-free-norms": {"penalty": 0.0}}
GRID = _angles((5, 10, 20), (0.1, 0.2, 0.5))
WIDE_GRID = _angles((2, 5, 10, 20, 40), (0.05, 0.1, 0.2, 0.5, 1.0))
CROP = {"-crop": {"augmentation": "crop"}}
EXPAND: dict[str, Any] = {"expand": True}
"""The paper puts a linear layer behind every network that it draws the collapse of."""

SHORT: dict[str, Any] = {"epochs": 100, "measure_every": 20}
CUT: dict[str, Any] = {**SHORT, "n_max": 500}
"""The largest class of Fashion-MNIST is cut so that all of the table runs in hours."""
ANGLES: dict[str, Any] = {**SHORT, "n_max": 1000, **EXPAND}
FASHION: dict[str, Any] = {"epochs": 80, "measure_every": 4}

OFFLINE = tuple(name for name in METHODS if name not in ("ETF-CE", "AL-weighted", "CE-weighted"))
"""Methods that are compared without the network: those that there were when its table ran."""
REAL = (
    *("CE", "CE+LA", "LA", "BalancedSoftmax", "LDAM-DRW", "KCL", "SETF", "P", "AL", "CAL", "CAL+LA", "CAL+GCR"),
    "ETF-CE",
)
"""Methods that are compared on CIFAR."""
TRAINED_ALONE = tuple(name for name in REAL if METHODS[name].trained_as is None)
MARGINS: dict[str, dict[str, Any]] = {"-margins": {"centers": "margins"}}
FASTEST: dict[str, dict[str, Any]] = {"-theta0.7": {"theta": 0.7}}
"""Where features of a class with 20 centers collapse fastest under beta = cos alpha: at cos alpha = 2/3."""
SCANNED = (0.02, 0.06, 0.2, 0.6)
"""Learning rates of the scan: one for all methods is no comparison, as their losses differ in scale and steepness."""
RATES: dict[tuple[str, str], float] = {
    **{("cifar10", method): 0.2 for method in TRAINED_ALONE},
    **{("cifar10", method): 0.06 for method in ("LDAM-DRW", "SETF")},
    ("cifar10", "ETF-CE"): 0.02,
    **{("cifar100", method): 0.6 for method in ("CE", "LA", "KCL", "SETF", "P")},
    **{("cifar100", method): 0.2 for method in ("LDAM-DRW", "AL", "CAL")},
    ("cifar100", "ETF-CE"): 0.06,
}
"""Learning rates of the tables of real images by data set and method, where not the default: the scan's best."""
BEYOND: dict[tuple[str, str], tuple[float, ...]] = {
    **{("cifar100", method): (2.0,) for method in ("CE", "LA", "KCL", "SETF")},
    ("cifar100", "P"): (2.0, 6.0),
    ("cifar10", "ETF-CE"): (0.006, 0.002),
    ("cifar10", "CAL-theta"): (2.0,),
}
"""Further rates of a data set and a method whose best of these was the largest, or the smallest."""
SUSPECTS: dict[str, dict[str, Any]] = {
    "-warmup0": {"warmup": 0.0},
    "-warmup0.2": {"warmup": 0.2},
    "-penalty6e-05": {"penalty": PENALTY / 10.0},
    "-penalty0.006": {"penalty": PENALTY * 10.0},
    "-unit": {"normalise": "unit"},
    "-unit-batch": {"normalise": "unit-batch"},
}
"""What else than its learning rate could make CAL slow: warm-up, the penalty on norms, the length of features and
the statistics of the batch; tried at a small rate and at its best."""
PLAIN: dict[str, Any] = {"augmentation": "none"}
"""Without crops and flips training images are learned by heart, and training comes to its end."""
LOWER_TOO = (0.006, *SCANNED)
"""Learning rates on clothes, where the steeper losses were best at the lowest of the others."""
CLOTHES: dict[str, Any] = {**SHORT, "n_max": 1000}
"""Fashion-MNIST cut to what one core trains in less than a minute."""
Designs = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Settings by method and the end of the name."""
DESIGNS: Designs = {
    "CE": {"": {"lr": 0.06}},
    "CE+LA": {"": {"lr": 0.06}},  # shares that training
    "AL": {"-f20": {"f": 20, "lr": 0.02}, "-f5": {"f": 5, "lr": 0.2}},
    "AL-weighted": {"-f20": {"f": 20, "lr": 0.2}},
    "CE-weighted": {"": {"lr": 0.2}},
    "CAL": {
        "-f20": {"f": 20, "lr": 0.2},
        "-f5": {"f": 5, "lr": 0.6},
        "-f20-theta0.7": {"f": 20, "theta": 0.7, "lr": 0.006},
        "-f5-theta0.586": {"f": 5, "theta": 0.586, "lr": 0.006},
        "-f20-margins": {"f": 20, "centers": "margins", "lr": 0.2},
        "-f5-margins": {"f": 5, "centers": "margins", "lr": 0.06},
    },
    "CAL-theta": {"-f20": {"f": 20, "lr": 0.006}},
}
"""Choices of centers and angle that are tried on clothes, by method, each with the scan's best learning rate: uniform,
class-aware and LDAM's centers, two numbers of them, the angle at which collapse is fastest for that many
(theory.decision.choice.fastest_weighted_angle), and an angle per class."""
MORE_DESIGNS: Designs = {
    "CE-weighted": {"": {"lr": 0.06}},
    "AL": {"-f5": {"f": 5, "lr": 0.2}},
    "AL-weighted": {"": {"lr": 0.2}},
    "CAL": {
        "-f5": {"f": 5, "lr": 0.2},
        "-f5-theta0.586": {"f": 5, "theta": 0.586, "lr": 0.2},
        "-f5-margins": {"f": 5, "centers": "margins", "lr": 0.2},
    },
    "CAL-theta": {"": {"lr": 0.6}},
}
"""Those that the table of CIFAR-10 has besides its methods, and the weights of CAL alone, each at the scan's best: the
smaller one of two that are level, as for CE-weighted, and but for one image for CAL with LDAM's centers."""
RATE_OF_AL = {"-f20-lr0.02": DESIGNS["AL"]["-f20"]}
SLOWER = {"-theta0.7": {**FASTEST["-theta0.7"], "lr": 0.06}}
"""The scan's best for that angle on both sets of photographs: the loss is 2.4 times as steep there."""
SCAN: dict[str, Any] = {"epochs": 40, "measure_every": 10}
SHORTER_SCAN = CLOTHES | {"epochs": SCAN["epochs"]}
TO_THE_END: dict[str, Any] = {"epochs": 100, "measure_every": 10}
FEW_IMAGES: dict[str, Any] = {**TO_THE_END, **PLAIN, "n_max": 200}
"""What VGG-11 and DenseNet-40, at 80 and 60 images a second, get done on a CPU in half an hour."""
SMALL_BATCHES: dict[str, Any] = {"batch_size": 32, "lr": 0.02}


def _rates(variants: Mapping[str, Mapping[str, Any]], rates: Iterable[float], validation: int) -> dict[str, Any]:
    """Each variant at each learning rate, on images a class that are held out of those for training."""
    return {
        f"{name}-lr{lr:g}": {**variant, "lr": lr, "validation": validation}
        for name, variant in variants.items()
        for lr in rates
    }


def _scan(dataset: str, validation: int) -> Iterator[Family]:
    """The scan of a data set of photographs."""
    place = ("scan", (dataset,), ("convnet",))
    yield Family(*place, TRAINED_ALONE, (0.01,), SCAN, _rates({"": {}}, SCANNED, validation))
    yield Family(*place, ("CAL",), (0.01,), SCAN, _rates(FASTEST, SCANNED, validation))
    if dataset == "cifar10":
        yield Family(*place, ("CAL",), (0.01,), SCAN, _rates(SUSPECTS, (0.02, 0.2), validation))
    for method in TRAINED_ALONE:
        if further := BEYOND.get((dataset, method)):
            yield Family(*place, (method,), (0.01,), SCAN, _rates({"": {}}, further, validation))


def _designs() -> Iterator[Family]:
    """Choices of centers and angle: scans of their learning rates, then the trainings."""
    for method, variants in DESIGNS.items():
        place = (("fashion-mnist",), ("cnn",), (method,), (0.01,))
        width = EXPAND if METHODS[method].loss else {}
        yield Family("scan", *place, SHORTER_SCAN | width, _rates(variants, LOWER_TOO, 500))
        yield Family("designs", *place, CLOTHES | width, variants)
    for method, variants in MORE_DESIGNS.items():
        place = (("cifar10",), ("convnet",), (method,), (0.01,))
        rates = (*SCANNED, *BEYOND.get(("cifar10", method), ()))
        yield Family("scan", *place, SCAN, _rates(variants, rates, 500))
        yield Family("cifar10", *place, TO_THE_END, variants)


FAMILIES = (
    Family("table1", taus=(*TAUS, 1.0), variants=MIXUP),
    Family("table2", CIFAR, DEEP),
    Family("table5", ("svhn", "stl10"), DEEP),
    Family("table3", CIFAR, methods=COMPARED),
    Family("table3", ("imagenet-lt",), methods=COMPARED, taus=(1.0,)),  # the published list has its own sizes
    Family("table4", methods=("P", "CAL"), variants=MIXUP),
    Family("table6", methods=("CAL",), taus=(0.005,), variants=GRID),
    Family("table7", CIFAR, methods=("RBL", "RBL+PLA", "CAL")),
    Family("figure1", ("cifar100", "cifar10"), methods=("AL", "CAL"), taus=(0.01,), settings=EXPAND),
    Family("figure4", ("cifar10",), methods=("P",), settings=EXPAND, variants=NORMS),
    Family("figure5", ("cifar10",), ("densenet150", "resnet50", "lenet", "vgg11"), ("CAL",), (0.01,), EXPAND),
    Family("figure6", ("cifar10",), methods=("CAL",), taus=(0.01,), settings=EXPAND),
    Family("figure7", ("cifar10",), methods=("CAL",), taus=(0.01,), settings=EXPAND),
    # What can be had without the network.
    Family("offline", ("mnist5k",), ("cnn",), OFFLINE, MORE_TAUS, SHORT),
    Family("offline", ("fashion-mnist",), ("cnn",), OFFLINE, MORE_TAUS, CUT),
    # KCL compares random crops of an image, which these data sets have not otherwise: what do crops do alone?
    Family("offline", ("mnist5k",), ("cnn",), ("CE", "CE+LA"), MORE_TAUS, SHORT, CROP),
    Family("offline", ("fashion-mnist",), ("cnn",), ("CE", "CE+LA"), MORE_TAUS, CUT, CROP),
    Family("angles", ("fashion-mnist",), ("cnn",), ("CAL",), (0.01,), ANGLES, WIDE_GRID),
    Family("fashion", ("fashion-mnist",), ("cnn",), FIVE, (0.01, 0.1), FASHION, name="{method}-{tau:g}"),
    *_scan("cifar10", 500),
    *_scan("cifar100", 50),
    *_designs(),
    # At AL's own rate it differs from AL in nothing but the weights; the scan's best is CAL's.
    Family("designs", ("fashion-mnist",), ("cnn",), ("AL-weighted",), (0.01,), CLOTHES | EXPAND, RATE_OF_AL),
    *(Family(dataset, (dataset,), ("convnet",), REAL, (0.01, 0.1), TO_THE_END) for dataset in CIFAR),
    *(
        Family(dataset, (dataset,), ("convnet",), ("CAL",), (0.01, 0.1), TO_THE_END, SLOWER | MARGINS)
        for dataset in CIFAR
    ),
    Family("plain", ("cifar10",), ("convnet",), FIVE, (0.01,), TO_THE_END | PLAIN),
    # Figures 4 and 5 on a CPU; figures 1, 6 and 7 show trainings of the tables. VGG-11 learns little in large batches.
    Family("collapse", ("cifar10",), ("convnet",), ("P",), (0.01, 0.1), TO_THE_END | PLAIN, NORMS),
    Family("collapse", ("cifar10",), ("resnet8", "lenet", "densenet40"), ("CAL",), (0.1,), FEW_IMAGES),
    Family("collapse", ("cifar10",), ("vgg11",), ("CAL",), (0.1,), FEW_IMAGES | SMALL_BATCHES),
)
"""All named trainings, in the order in which they are listed."""

PRESETS = {name: settings for family in FAMILIES for name, settings in family.cells()}
"""Settings by name; everything else has its default."""


def preset(name: str, **given: Any) -> Config:
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
        raise ValueError(
            f"training {name!r} is unknown (`ufm presets --train` lists them){suggestion(name, PRESETS, n=3)}"
        )
    return complete(PRESETS[name], given)


def cells(table: str) -> list[str]:
    """Names of the trainings of a table, or of a figure."""
    return [name for name in PRESETS if name.startswith(f"{table}/")]


def sharing(table: str) -> dict[str, str]:
    """For each training of a table the name of the one whose training it shares; its own name if there is none."""
    configs = {name: preset(name) for name in cells(table)}
    names: dict[Config | None, str] = {config: name for name, config in configs.items()}
    return {name: names.get(config.trained_as(), name) for name, config in configs.items()}


def complete(base: dict[str, Any], given: dict[str, Any]) -> Config:
    """``base`` with what is given on top; what belongs to the method of ``base`` alone is dropped for another.

    Frames keep f, theta and basis; centers, penalty, hyperparameters and normalisation are each method's own.
    """
    given = {**given, "method": known_as(given.get("method", base["method"]), METHODS)}
    method = given["method"]
    if method != base["method"]:
        framed = method_spec(method).loss is not None
        dropped = ("centers", "penalty", *OWN_FIELDS) if framed else (*FRAME_FIELDS, "expand", *OWN_FIELDS)
        base = {name: value for name, value in base.items() if name not in dropped}
    return Config(**{**base, **given})
