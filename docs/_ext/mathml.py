"""Formulas as MathML, which browsers set by themselves: no script, no network, text colour of the page.

The converter is docutils' own; a few LaTeX commands that it does not know are spelled in those that it does.
"""

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math import MathError, pick_math_environment
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

SPELLINGS = (
    (r"\\([Bb]igg?)(?=\s*[(\[{|]|\\[{l])", r"\\\1l"),
    (r"\\([Bb]igg?)(?=\s*[)\]}]|\\[}r])", r"\\\1r"),
    (r"\\dots\b", r"\\ldots"),
    (r"\\iff\b", r"\\;\\Longleftrightarrow\\;"),
    (r"\\implies\b", r"\\;\\Longrightarrow\\;"),
    (r"\\textstyle\b", ""),  # it only stands in front of sums, and those are small enough
    (r"\\([dt]?frac)(\d)(\d)", r"\\\1{\2}{\3}"),
)
"""What is written for what, in this order."""


def convert(latex: str, *, block: bool) -> str:
    """MathML of a formula. Raises MathError."""
    for pattern, spelling in SPELLINGS:
        latex = re.sub(pattern, spelling, latex)
    latex = "\n".join(line for line in latex.splitlines() if line.strip())
    if block and "align" in pick_math_environment(latex):
        latex = rf"\begin{{align}}{latex}\end{{align}}"
    return str(tex2mathml(latex, as_block=block))


def _set(translator: "HTML5Translator", node: nodes.Element, block: bool) -> None:
    latex = node.astext()
    try:
        formula = convert(latex, block=block)
    except MathError as error:
        logger.warning("formula %r cannot be set: %s (see docs/_ext/mathml.py)", latex, error, location=node)
        formula = f"<code>{translator.encode(latex)}</code>"
    tag = "div" if block else "span"
    translator.body.append(f'<{tag} class="math notranslate">{formula}</{tag}>')
    raise nodes.SkipNode


def setup(app: "Sphinx") -> dict[str, Any]:
    """Offer the renderer; ``html_math_renderer = "mathml"`` takes it."""
    app.add_html_math_renderer("mathml", (partial(_set, block=False), None), (partial(_set, block=True), None))
    return {"parallel_read_safe": True}
