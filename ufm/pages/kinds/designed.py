"""What ``ufm design --json`` prints: designs and what each costs, with the numbers where one points."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ufm.pages.content import Plot, Plots, Section, Table, number
from ufm.pages.draw import as_figure, axis, flat, line
from ufm.pages.palette import ordered

KEYS = ("designs", "recommended", "sigma", "prior")

GOALS = {"accuracy": "accuracy, %", "rare": "accuracy on rarest, %", "radius": "radius / r"}
PERCENT = ("accuracy", "rare")
SHOWN = ("rule", "offset", "allocation", "f", "theta", "accuracy", "rare", "radius", "speed", "angle", "dim")


def of_object(values: Mapping[str, Any], source: Path) -> Iterator[Section]:
    """Trade-offs between speed and the other goals, and the designs that none dominates."""
    designs = values["designs"]
    if missing := [name for name in SHOWN if not all(name in design for design in designs)]:
        raise ValueError(f"designs without {', '.join(missing)}, of an earlier version: run ufm design --json again")
    best = [design for design in designs if design["pareto"]]
    rows = tuple(tuple(number(design[name], 4) for name in SHOWN) for design in best)
    plots = tuple(_trade(designs, name, label) for name, label in GOALS.items())
    first = values["recommended"]
    about = (
        f"{len(designs)} designs of {len(values['prior'])} classes, {len(best)} of them dominated by none. All is "
        f"theory of collapsed features with noise {values['sigma']:.3g} of their norm in each direction.",
        f"Recommended: {_said(first)}.",
    )
    table = Table("Designs that no other one dominates", SHOWN, rows)
    yield Section(f"Design: {source.stem}", about, (Plots(plots), table), str(source))


def _said(design: Mapping[str, Any]) -> str:
    rule = f"{design['rule']} + offsets" if design["offset"] else design["rule"]
    return f"{rule}, {design['allocation']}, f = {design['f']}, theta = {design['theta']:.3g}"


def _trade(designs: list[Mapping[str, Any]], name: str, label: str) -> Plot:
    """One goal over the speed of the slowest class; full: dominated by none, faint: dominated."""
    rules = list(dict.fromkeys(design["rule"] for design in designs))
    traces = []
    for rule, color in zip(rules, ordered(len(rules)), strict=True):
        own = [design for design in designs if design["rule"] == rule]
        marker = {
            "color": color,
            "size": [11 if design["pareto"] else 6 for design in own],
            "opacity": [1.0 if design["pareto"] else 0.4 for design in own],
        }
        scale = 100.0 if name in PERCENT else 1.0
        x, y = (np.array([each[key] for each in own], dtype=np.float64) for key in ("speed", name))
        words = [f"{_said(design)}, dim {design['dim']}" for design in own]
        traces.append(line(x, scale * y, str(rule), color, "%{text}", mode="markers", marker=marker, text=words))
    layout = flat(axis("speed of the slowest class, per step"), axis(label), "rule")
    caption = "Large: dominated by no other design; small: dominated."
    said = f"{len(designs)} points; the table has those that are dominated by none."
    return Plot(f"{label.partition(',')[0].capitalize()} and speed", caption, said, as_figure(traces, layout))
