"""Tables as text: cells arranged by row and column, in markdown, LaTeX and CSV."""

from collections.abc import Iterable, Sequence

import pandas as pd

from ufm.tables.tables import Difference, Entry


def arranged(texts: Iterable[tuple[str, str, str]], corner: str) -> pd.DataFrame:
    """Texts by row and column, both in the order in which they first occur; ``corner`` stands above the rows."""
    listed = pd.DataFrame(texts, columns=["row", "column", "text"])
    grid = listed.pivot(index="row", columns="column", values="text").fillna("")
    return grid.reindex(index=listed.row.unique(), columns=listed.column.unique()).rename_axis(corner)


def markdown(table: pd.DataFrame) -> str:
    """A table in markdown."""
    head = [table.index.name, *table.columns]
    lines = [head, ["---"] * len(head), *table.itertuples(name=None)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def latex(table: pd.DataFrame) -> str:
    """A tabular of LaTeX, for the package booktabs. (That of pandas needs jinja2.)"""
    lines = [[table.index.name, *table.columns], *table.itertuples(name=None)]
    head, *body = (" & ".join(map(_escaped, line)) + r" \\" for line in lines)
    begin = r"\begin{tabular}{l" + "c" * len(table.columns) + "}"
    return "\n".join([begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"])


def _escaped(text: str) -> str:
    for plain, written in (("%", r"\%"), ("_", r"\_"), ("±", r"$\pm$"), ("&", r"\&")):
        text = text.replace(plain, written)
    return text


def written(cells: Sequence[Entry | Difference], corner: str, form: str) -> str:
    """Cells in markdown or latex, or as csv: one cell a line with full precision."""
    if form == "csv":
        return pd.DataFrame([cell.to_dict() for cell in cells]).to_csv(index=False, na_rep="nan").rstrip()
    grid = arranged([(cell.row, cell.column, str(cell)) for cell in cells], corner)
    return {"markdown": markdown, "latex": latex}[form](grid)
