"""Results of trainings that nobody trained."""

from ufm.train.presets import preset


def result(name, seed, own, rare=0.5):
    config = preset(name, seed=seed)
    return {
        "name": name,
        "configuration": config.to_dict(),
        "class_sizes": [100, 50, 10],
        "accuracy": {"own": own, "gcr": own - 0.1, "rcr": own - 0.1, "nearest": own - 0.1},
        "best": {"accuracy": own + 0.01, "epoch": 3},
        "class_accuracy": {"own": [1.0, 1.0, rare]},
        "checks": [{"name": "NC", "holds": own > 0.81}, *([{"name": "rate", "holds": True}] if "cal" in name else [])],
        "group_accuracy": {"many": None, "medium": 0.6, "few": 0.4},
    }
