import dataclasses
import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from ufm.train.catalogue import METHODS
from ufm.train.config import FRAME_FIELDS, Config, Settings
from ufm.train.presets import OFFLINE, PRESETS, preset, sharing


def test_defaults_are_the_papers():
    c = Config()
    assert (c.method, c.f, c.theta, c.penalty, c.lr, c.momentum, c.batch_size) == ("CAL", 20, 0.2, 6e-4, 0.1, 0.9, 128)
    assert Config(method="P").penalty == 5e-4
    assert Config(method="AL").centers == "uniform"
    problem = c.problem((500, 50, 5))
    assert problem == ufm.Problem((500, 50, 5), ufm.class_aware((500, 50, 5), 20), 0.2, lam=128 * 6e-4)
    assert Config(method="P").problem((500, 50, 5)).lam_h == 5e-4 / 555
    assert Config(method="CE").problem((500, 50, 5)) is None


def test_every_field_of_a_configuration_can_be_said():
    assert {f.name for f in dataclasses.fields(Config)} == {f.name for f in dataclasses.fields(Settings)}
    assert Settings().given() == {}
    assert Settings(tau=0.5, seed=0).given() == {"tau": 0.5, "seed": 0}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"method": "CALL"}, "did you mean 'CAL'"),
        ({"method": "CE", "f": 3}, "f=3 has no meaning for method=CE"),
        ({"method": "SETF", "theta": 0.1}, "theta=0.1 has no meaning"),
        ({"method": "CE", "expand": True}, "expand=True"),
        ({"tau": 0.0}, r"tau=0.0 must be in \(0, 1\]"),
        ({"tau": 1.5}, "n_min / n_max"),
        ({"lr": 0.0}, "lr=0.0 must be positive"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"momentum": 1.0}, "momentum"),
        ({"theta": 2.0}, "theta"),
        ({"batch_size": 1}, "batch_size=1 must be at least 2"),
        ({"batch_size": 7, "accumulate": 4}, "at least 8"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"schedule": "stepp"}, "did you mean 'step'"),
        ({"centers": "class-awar"}, "class-aware"),
        ({"warmup": 1.1}, "warmup"),
        ({"mixup": -1.0}, "mixup"),
    ],
)
def test_what_is_wrong_is_named(said, message):
    with pytest.raises(ValueError, match=message):
        Config(**said)


def test_round_trip_key_and_differences():
    c = Config(method="AL", tau=0.02, seed=3)
    again = Config.from_json(json.dumps(c.to_dict()))
    assert again == c
    assert again.key == c.key
    other = dataclasses.replace(c, seed=4)
    assert other.key != c.key
    assert c.differences(other) == ["seed is 3, not 4"]
    for text in ("[]", "{", '{"taw": 1}'):
        with pytest.raises(ValueError, match=r"JSON|tau"):
            Config.from_json(text)


def test_the_schedule_of_the_paper_at_its_own_epochs():
    c = Config(epochs=200)
    epochs = np.array([0.0, 2.5, 5.0, 159.99, 160.0, 179.99, 180.0, 199.99])
    np.testing.assert_allclose([c.rate(e) for e in epochs], [0, 0.05, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@given(epochs=st.integers(1, 300), share=st.floats(0, 0.999), schedule=st.sampled_from(["step", "cosine", "constant"]))
def test_rates_stay_within_bounds_and_fall_after_the_warmup(epochs, share, schedule):
    c = Config(epochs=epochs, schedule=schedule)
    now, later = c.rate(share * epochs), c.rate(min(share + 1e-3, 1.0) * epochs)
    assert 0 <= now <= 0.1 * (1 + 1e-12)
    if share >= c.warmup:
        assert later <= now


@pytest.mark.parametrize("name", PRESETS)
def test_every_named_training_is_a_valid_configuration(name):
    config = preset(name)
    assert f"-{config.method.lower()}-" in name.replace("/", "-")
    if METHODS[config.method].loss is not None:
        assert config.problem((30, 20, 10)).n_centers == 3 * config.f


def test_the_cells_of_the_papers_tables_are_all_there():
    count = Counter(name.split("/")[0] for name in PRESETS)
    assert set(count) == {
        *(f"table{n}" for n in range(1, 8)),
        *(f"figure{n}" for n in (1, 4, 5, 6, 7)),
        "angles",
        "cifar10",
        "cifar100",
        "collapse",
        "designs",
        "fashion",
        "offline",
        "plain",
        "scan",
    }
    assert [count[f"table{n}"] for n in (1, 2, 3, 4, 5, 7)] == [24, 36, 6 * 7, 12, 36, 18]
    assert count["offline"] == (len(OFFLINE) + len(("CE", "CE+LA"))) * 2 * 5  # these also with crops
    assert set(METHODS) - set(OFFLINE) == {"ETF-CE", "AL-weighted", "CE-weighted"}
    etf = preset("cifar10/cifar10-convnet-etf-ce-0.01")
    assert etf == dataclasses.replace(preset("cifar10/cifar10-convnet-ce-0.01"), method="ETF-CE", lr=0.02)
    assert preset("table3/cifar10-resnet50-ldam-drw-0.01").rate(165) == pytest.approx(1e-3)
    imagenet = preset("table3/imagenet-lt-resnet50-cal-1")
    assert (imagenet.batch_size, imagenet.weight_decay, imagenet.schedule) == (512, 5e-4, "cosine")


def test_the_named_trainings_and_their_order_are_those_of_the_committed_results():
    """A digest over all of them: whoever changes one on purpose replaces it, and runs its table again."""
    ours = ("cifar10/", "cifar100/", "collapse/", "plain/", "scan/")  # their trainings are under way
    listed = [[name, sorted(settings.items())] for name, settings in PRESETS.items() if not name.startswith(ours)]
    digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    assert digest == "eb8995f76454cde258b04baab4634ae08a5641f31fe61b8c58148b5230e1fc6b"


def test_presets_give_way_to_what_is_given():
    c = preset("fashion/cal-0.01", f=5, seed=2, epochs=3)
    assert (c.f, c.seed, c.epochs, c.tau) == (5, 2, 3, 0.01)
    other = preset("table6/cifar100-resnet50-cal-0.005-f5-theta0.1", method="CE")
    assert all(getattr(other, name) is None for name in FRAME_FIELDS)
    other = preset("table6/cifar100-resnet50-cal-0.005-f5-theta0.1", method="AL")
    assert (other.f, other.theta, other.centers) == (5, 0.1, "uniform")
    assert preset("figure4/cifar10-resnet50-p-0.01-free-norms", method="AL").penalty == 6e-4
    assert preset("figure1/cifar100-resnet50-cal-0.01", method="CE").expand is None
    with pytest.raises(ValueError, match=r"did you mean 'fashion/cal-0.01'"):
        preset("fashion/call-0.01")


def test_methods_that_only_decide_otherwise_share_a_training():
    ce = Config(method="CE", seed=3, lr=0.05)
    (adjusted,) = ce.variants()
    assert (adjusted.method, adjusted.seed, adjusted.lr) == ("CE+LA", 3, 0.05)
    assert adjusted.trained_as() == ce
    assert ce.trained_as() is None
    assert adjusted.variants() == ()
    assert [each.method for each in Config(method="CAL", f=5).variants()] == ["CAL+LA", "CAL+GCR"]
    assert all(METHODS[spec.trained_as].trained_as is None for spec in METHODS.values() if spec.trained_as)
    weaker = {"hyper": ("strength=0.5",)}  # which no training of another method stands for
    assert Config(method="CE+LA", **weaker).trained_as() is None
    assert [each.method for each in Config(method="LA").variants()] == ["BalancedSoftmax"]
    assert Config(method="LA", **weaker).variants() == ()
    strengths = {name: spec.hyper["strength"] for name, spec in METHODS.items() if "strength" in spec.hyper}
    assert strengths == {"CE+LA": 1.0, "LA": 1.0, "RBL+PLA": 1.0, "CAL+LA": 1.0}


def test_names_that_share_a_training():
    shared = sharing("table7")
    for tau in ("0.005", "0.01", "0.02"):
        assert shared[f"table7/cifar100-resnet50-rbl+pla-{tau}"] == f"table7/cifar100-resnet50-rbl-{tau}"
        assert shared[f"table7/cifar100-resnet50-rbl-{tau}"] == f"table7/cifar100-resnet50-rbl-{tau}"
    assert all(name == base for name, base in sharing("table1").items())  # no CE+LA beside CE
    offline = sharing("offline")
    assert list(offline) == [name for name in PRESETS if name.startswith("offline/")]
    for name, base in offline.items():
        assert preset(base) in (preset(name), preset(name).trained_as())
    # two data sets and five ratios; five methods, and one of them with crops too
    assert len(offline) - len(set(offline.values())) == 10 * 6


def test_methods_have_a_description():
    assert all(spec.about for spec in METHODS.values())


def test_the_parts_of_a_deferred_method_have_what_they_need():
    first, second = Config(method="CE-CAL", expand=True, f=5).stages()
    assert (first.method, first.f, first.expand) == ("CE", None, None)
    assert (second.method, second.f, second.expand) == ("CAL", 5, True)
