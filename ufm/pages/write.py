"""From sections to a file."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from ufm.files import store
from ufm.files.text import counted
from ufm.pages.content import Plots, Section, Slider

LARGEST = 6_000_000
"""Bytes of a page: what still goes by mail. Plotly takes 4.8 million of them."""


NUMBERS = "fiub"
"""Kinds of arrays that are stored as bytes."""


class TooLarge(ValueError):
    """A page that nobody could send."""


def page(title: str, sections: Sequence[Section], about: Sequence[str] = ()) -> str:
    """The HTML of a page, complete in itself. Raises :class:`TooLarge` above :data:`LARGEST` bytes.

    Whatever stands in titles, cells and names is shown as it is written and never read as HTML. Scripts are let in by
    their digests alone, and nothing is fetched.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ufm.pages", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["stored"] = _stored
    scripts = [(resources.files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8"), _own("page.js")]
    text = environment.get_template("page.html").render(
        title=title,
        about=about,
        sections=list(enumerate(sections)),
        style=Markup(_own("page.css")),
        scripts=[Markup(script) for script in scripts],
        digests=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
    )
    if (size := len(text.encode())) > LARGEST:
        raise TooLarge(f"the page would have {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}: show less in one page")
    return text


def written(path: Path, title: str, sections: Sequence[Section], about: Sequence[str] = (), *, json: bool) -> str:
    """Write a page, and say what there is on it: in a sentence, or as JSON. Raises as :func:`page`, OSError."""
    text = page(title, sections, about)
    store.save_text(path, text)
    size, there = len(text.encode()), [section.to_dict() for section in sections]
    if json:
        return store.to_json({"out": str(path), "bytes": size, "sections": there})
    plots = sum(len(each["plots"]) for each in there)
    return f"{counted(len(there), 'section')}, {counted(plots, 'plot')}; written to {path} ({size / 1e6:.1f} MB)"


def _own(name: str) -> str:
    return (resources.files("ufm.pages") / "templates" / name).read_text("utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _stored(part: Plots) -> Markup:
    """Plots and sliders as JSON in which nothing ends a script."""
    plots = [
        {
            "data": [_plain(trace) for trace in plot.at(**part.start)],
            "layout": _plain(plot.figure["layout"]),
            "moves": [
                {"trace": m.trace, "name": m.name, "sliders": m.sliders, "values": _values(m.values)}
                for m in plot.moves
            ],
        }
        for plot in part.plots
    ]
    text = json.dumps({"sliders": [_choices(slider) for slider in part.sliders], "plots": plots}, allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))


def _choices(slider: Slider) -> dict[str, Any]:
    return {"name": slider.name, "values": list(slider.values), "start": slider.start}


def _plain(value: Any, key: str = "") -> Any:
    """Values as JSON: arrays as plotly reads them, words so that none of them is read as its markup."""
    if isinstance(value, Mapping):
        return {name: _plain(each, name) for name, each in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in NUMBERS and value.ndim in (1, 2):
        return _packed(value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each, key) for each in value]
    if isinstance(value, str) and key != "hovertemplate":  # these are ours, and plotly fills them in
        return html.escape(value, quote=False)
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _packed(values: Any) -> dict[str, Any]:
    """An array as plotly reads it: the type, the bytes, and the shape of a matrix."""
    kind = _enough(values)
    packed = {"dtype": kind[1:], "bdata": base64.b64encode(values.astype(kind).tobytes()).decode()}
    return packed | ({"shape": ",".join(map(str, values.shape))} if values.ndim > 1 else {})


def _enough(values: Any) -> str:
    """float32, six digits, which is what is shown; float64 where it would make 0 or infinity of a number."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    limits = np.finfo(np.float32)
    return "<f4" if size.size == 0 or (size.min() >= limits.tiny and size.max() <= limits.max) else "<f8"


def _values(values: Any) -> dict[str, Any]:
    """Stored values of a move: numbers as bytes, words as a flat list, with the shape of all."""
    shape = list(np.shape(values))
    if values.dtype.kind in NUMBERS:
        return _packed(values) | {"shape": shape}
    return {"shape": shape, "words": [html.escape(str(each), quote=False) for each in values.ravel()]}
