"""``ufm sweep``: one question at every point of a grid."""

import contextlib
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from ufm.commands.flags import PICTURES, check_file, check_folder
from ufm.files import memory, store
from ufm.files.process import FAILS, INTERRUPTED, OK, interactive, processors
from ufm.files.text import require_known
from ufm.sweep.description import MAX_CELLS, Cell, Sweep, read, shipped
from ufm.sweep.execute import run, work
from ufm.sweep.folder import Folder
from ufm.sweep.kinds import KINDS
from ufm.sweep.picture import Nothing, Picture, caption
from ufm.sweep.results import Results


@dataclass
class Command:
    """Run a sweep, or go on with one; draw what was recorded.

    FILE is a description in TOML, or the name of a sweep that is shipped (without FILE: a list of them). Cells that OUT
    has are not computed again, so the same command goes on after Ctrl-C, a crash or a full disk, and the result is the
    same bit for bit.

    Example: ufm sweep collapse-time

    Example: ufm sweep mine.toml --out runs/mine --dry-run

    Example: ufm sweep mine.toml --out runs/mine --scheduler tcp://head:8786

    Example: ufm sweep --show runs/mine --quantity collapse_time --x theta --lines f

    A description has kind (flow, minimum, geometry, decision or training), record (quantities), seeds, [base]
    (fields of every cell), [axes] (a list, { linspace = [a, b, n] } or { logspace = [a, b, n] } each), [[zip]] (a
    name, and axes that move together) and [picture]. `ufm sweep --fields flow` lists fields and quantities. Writes
    results.nc, sweep.png and its caption sweep.md.
    """

    group = "Class sizes"

    file: tyro.conf.Positional[str | None] = None
    """Description (.toml), or the name of a shipped sweep."""
    out: Path | None = None
    """Folder of the sweep (default: runs/sweep/NAME)."""
    dry_run: bool = False
    """Only say how many cells there are, and from a few of them how much time and memory the rest will take."""
    resume: bool = True
    """What is done is not done again; --no-resume refuses a folder that has cells."""
    workers: int | None = None
    """Processes (default: one per core; trainings: one per GPU, or one)."""
    scheduler: str | None = None
    """Run on a dask cluster: its address, tcp://host:port, or a scheduler file."""
    max_cells: int = MAX_CELLS
    """Refuse a sweep with more cells than this."""
    show: Path | None = None
    """Folder of a sweep whose results are drawn; nothing is computed."""
    quantity: str | None = None
    """--show: what is drawn."""
    x: str | None = None
    """--show: axis from left to right."""
    y: str | None = None
    """--show: axis from bottom to top, for a map."""
    lines: str | None = None
    """--show: axis with a line per point."""
    panels: str | None = None
    """--show: axis with a panel per point."""
    against: str | None = None
    """--show: a second quantity, dashed; with --scatter on the horizontal axis."""
    scatter: bool = False
    """--show: a point per cell, --quantity over --against."""
    select: tuple[str, ...] = ()
    """--show: points of other axes, NAME=VALUE."""
    picture: Path | None = None
    """File of the picture, .png, .pdf or .svg (default: OUT/sweep.png)."""
    fields: str | None = None
    """List the fields and quantities of a kind."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, show, estimate or run."""
        asked = [name for name in ("file", "show", "fields") if getattr(self, name) is not None]
        if len(asked) > 1:
            raise ValueError(f"one thing at a time: {' or '.join(asked)}")
        said = self._said()
        check_file(self.picture, "picture", PICTURES)
        if self.file is None and any((self.out, self.dry_run, self.workers, self.scheduler, not self.resume)):
            raise ValueError("--out, --dry-run, --workers, --scheduler and --no-resume go with FILE")
        if said != Picture() and self.show is None:
            flags = "--quantity, --x, --y, --lines, --panels, --against, --scatter and --select"
            raise ValueError(f"{flags} go with --show")
        if self.show is not None:
            return self._show(self.show, said)
        if self.fields is not None:
            return self._list_fields(self.fields)
        if self.file is None:
            return self._list()
        sweep = read(self.file)
        if self.max_cells < 1 or (self.workers is not None and self.workers < 1):
            raise ValueError(f"max_cells={self.max_cells} and workers={self.workers} must be at least 1")
        if sweep.n_cells > self.max_cells:
            raise ValueError(f"the sweep has {sweep.n_cells} cells, more than max_cells={self.max_cells}")
        with contextlib.suppress(Nothing):
            Picture.of(sweep.picture).complete(sweep)
        out = self.out or Path("runs") / "sweep" / Path(self.file).stem
        folder = Folder(out)
        folder.check(sweep)
        if not self.dry_run:
            check_folder(out, "sweep.json", "results.nc", "sweep.png", "sweep.md")
        if not self.resume and (folder.answered.exists() or folder.cells.exists()):
            raise ValueError(f"out={out} has cells already, and --no-resume was said")
        return self._estimate(sweep, folder) if self.dry_run else self._run(sweep, out)

    def _said(self) -> Picture:
        if wrong := [text for text in self.select if "=" not in text]:
            raise ValueError(f"select={wrong[0]!r} is not NAME=VALUE")
        select = dict(text.split("=", 1) for text in self.select)
        if len(select) < len(self.select):
            raise ValueError(f"select names an axis more than once: {' '.join(self.select)}")
        return Picture(self.quantity, self.x, self.y, self.lines, self.panels, self.against, self.scatter, select)

    def _list(self) -> int:
        sweeps = {name: Sweep.from_toml(text) for name, text in shipped().items()}
        lines = [f"{name:{max(map(len, sweeps))}}  {s.n_cells:5} cells  {s.about}" for name, s in sweeps.items()]
        plain = {"sweeps": {name: sweep.to_dict() for name, sweep in sweeps.items()}}
        print(store.to_json(plain) if self.json else "\n".join(lines))
        return OK

    def _list_fields(self, name: str) -> int:
        require_known(name, KINDS, f"kind {name!r} is unknown")
        kind = KINDS[name]
        if self.json:
            about = {quantity: q.about for quantity, q in kind.quantities.items()}
            print(store.to_json({"fields": kind.fields, "quantities": about}))
            return OK
        print(f"fields of base, axes and zip: {', '.join(kind.fields)}\n")
        for quantity, q in kind.quantities.items():
            dims = f" ({', '.join(q.dims)})" if q.dims else ""
            print(f"{quantity + dims:28} {q.about}")
        return OK

    def _estimate(self, sweep: Sweep, folder: Folder) -> int:
        """Cells, and time and memory by those of the first group that is missing."""
        missing, damaged = folder.missing(sweep)
        done = sweep.n_cells - len(missing)
        said = f"{sweep.n_cells} cells ({' x '.join(map(str, sweep.shape))}: {', '.join(sweep.dims)}), {done} done"
        said += f", {len(damaged)} damaged" if damaged else ""
        found: dict[str, float | None] = {"cells": sweep.n_cells, "done": done, "seconds": None, "bytes": None}
        if missing and sweep.does.parallel:
            cost, workers = _probe(sweep, missing), self.workers or processors()
            seconds, size = cost * len(missing) / workers, workers * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            found |= {"seconds": seconds, "bytes": 1024.0 * size}
            much = memory.readable(1024.0 * size)
            said += (
                f"; about {memory.readable_time(seconds)} on {workers} workers ({1000 * cost:.3g} ms a cell), {much}"
            )
        elif missing:
            said += "; trainings are not tried out: `ufm train` says how long one takes"
        print(store.to_json(found) if self.json else said)
        return OK

    def _run(self, sweep: Sweep, out: Path) -> int:
        from ufm.files.bars import tqdm

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: what is done is kept
        with tqdm(total=sweep.n_cells, unit="cell", smoothing=0.0, disable=not interactive()) as bar:

            def watch(done: int, total: int) -> None:
                if bar.total != total or not bar.n:  # what is there already says nothing of how fast the rest comes
                    bar.total, bar.initial, bar.n = total, done, done
                bar.update(done - bar.n)

            try:
                outcome = run(sweep, out, workers=self.workers, scheduler=self.scheduler, watch=watch)
            except KeyboardInterrupt:
                print(f"ufm: interrupted; what is done is in {out}, and the same command goes on", file=sys.stderr)
                return INTERRUPTED
        for name in outcome.damaged:
            print(f"ufm: {name} was damaged: computed again", file=sys.stderr)
        for name, reason in outcome.failed.items():
            print(f"ufm: no answer for {name}: {reason}", file=sys.stderr)
        picture = self._draw(out, sweep, Picture.of(sweep.picture))
        summary = {"cells": sweep.n_cells, "ran": outcome.ran, "failed": outcome.failed, "out": str(out)}
        answered = sweep.n_cells - len(outcome.failed)
        said = f"{answered} of {sweep.n_cells} cells have an answer, {outcome.ran} of them new; {picture or out}"
        print(store.to_json(summary) if self.json else said)
        return FAILS if outcome.failed else OK

    def _show(self, folder: Path, said: Picture) -> int:
        sweep = Folder(folder).sweep()
        if self.picture is None:
            check_folder(folder, "sweep.png", "sweep.md", flag="show")
        picture = self._draw(folder, sweep, Picture.of(sweep.picture) if said == Picture() else said, strict=True)
        print(store.to_json({"picture": str(picture)}) if self.json else f"written to {picture}")
        return OK

    def _draw(self, out: Path, sweep: Sweep, picture: Picture, *, strict: bool = False) -> Path | None:
        """Draw the results. Where the sweep itself was the point, a picture without a single answer is left out."""
        from figures import style
        from figures.commands.sweep import sweep_figure

        try:
            figure = sweep_figure(Results.load(out).data, sweep, picture)
        except Nothing:
            if strict:
                raise
            return None
        path = style.save_figure(figure, self.picture or out / "sweep.png")
        store.save_text(path.with_suffix(".md"), caption(sweep))
        return path


def _probe(sweep: Sweep, missing: list[Cell]) -> float:
    """Seconds per cell, of a group spread over the sweep, after a first one that loads what is needed."""
    step = max(1, len(missing) // sweep.does.group)
    group = [cell.configuration for cell in missing[::step][: sweep.does.group]]
    with tempfile.TemporaryDirectory() as folder:
        work(sweep.kind, group[:1], sweep.record, Path(folder))
        began = time.perf_counter()
        work(sweep.kind, group, sweep.record, Path(folder))
    return (time.perf_counter() - began) / len(group)
