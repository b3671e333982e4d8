import pytest

import ufm

MODEL = ufm.SphereModel((30, 10, 5), dim=2, temperature=12.5)


def test_a_model_is_what_it_is_written_down_as():
    assert ufm.SphereModel.from_toml(MODEL.to_toml()) == MODEL
    assert ufm.SphereModel.from_json(MODEL.to_json()) == MODEL
    assert MODEL.replace(temperature=3).temperature == 3.0
    assert len({MODEL.key, MODEL.replace(dim=3).key, ufm.SphereModel([30, 10, 5], 2, 12.5).key}) == 2
    assert hash(MODEL) == hash(MODEL.replace())
    assert (MODEL.n_classes, MODEL.n_samples) == (3, 45)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_sizes": (3, 0)}, "class_sizes contains 0: every entry must be at least 1"),
        ({"class_sizes": (3,)}, "must have at least 2 entries"),
        ({"class_sizes": 3}, "class_sizes=3 is not a list"),
        ({"dim": 1}, "dim=1 must be at least 2"),
        ({"dim": 2.5}, "dim contains 2.5: only integers"),
        ({"temperature": 0}, "temperature=0.0 must be positive"),
        ({"temperature": -1.0}, "temperature=-1.0 must be finite and at least 0"),
        ({"temperature": float("inf")}, "temperature=inf must be finite"),
        ({"temperature": "hot"}, "temperature='hot' is not a number"),
        ({"temprature": 1.0}, "unknown key 'temprature'.*did you mean 'temperature'"),
    ],
)
def test_wrong_fields_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        MODEL.replace(**change)


def test_fields_that_are_missing_are_named():
    with pytest.raises(ValueError, match="key 'dim' is missing"):
        ufm.SphereModel.from_dict({"class_sizes": (1, 1), "temperature": 1.0})
