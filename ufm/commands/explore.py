"""``ufm explore``: a page with sliders for the frame, over values that theory says."""

from dataclasses import dataclass, replace
from pathlib import Path

from ufm.commands.flags import SizeFlags, check_file
from ufm.files import store
from ufm.files.process import OK, interactive
from ufm.files.text import require_known
from ufm.problems.presets import CENTERS


@dataclass
class Command(SizeFlags):
    """Make a page with sliders for centers, their angle, and noise.

    Sliders: centers per class, their angle, how they are spent, and the noise of test features. Collapse of each class,
    angles, accuracy of the three rules of decision, and the frame itself in three dimensions follow the sliders. All
    values are computed here and stored in the page, which needs neither network nor server. `ufm design` ranks designs
    and says offsets; `ufm report` shows runs.

    Without class sizes: those of CIFAR-10-LT.

    Example: ufm explore

    Example: ufm explore --class-sizes 500,120,30,5 --out mine.html

    Example: ufm explore --preset cifar10-lt --f 1 2 4 8 16 --ratio 2 3 4 --data explore.nc
    """

    group = "Class sizes"

    f: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """Mean numbers of centers per class."""
    theta: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.2)
    """Angles of the frame, radians in [0, pi/2]."""
    centers: tuple[str, ...] = tuple(CENTERS)
    """Ways to spend the centers: class-aware (the paper's: more for rare classes), apportioned (the same, rounded so
    that no rarer class has fewer), margins (those of LDAM under RCR), uniform."""
    ratio: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
    """r / sigma: the norm of a test feature's mean over its noise in each direction, > 0."""
    out: Path = Path("explore.html")
    """The page."""
    data: Path | None = None
    """Also write the values, as netCDF."""
    json: bool = False
    """One JSON object on stdout: what there is on the page."""

    def run(self) -> int:
        """Compute, write, say where."""
        from ufm.certify.explored import explored
        from ufm.pages import explore, write

        check_file(self.out, "out", (".html", ".htm"))
        check_file(self.data, "data", (".nc",))
        sizes = self._sizes()
        values = explored(sizes, self.centers, self.f, self.theta, self.ratio, progress=interactive())
        if self.data is not None:
            store.save(values, self.data)
        try:
            print(write.written(self.out, "Explore frames", explore.sections(values), json=self.json))
        except write.TooLarge as large:
            raise ValueError(
                f"{large}: fewer --centers, --f, --theta or --ratio, as --centers class-aware uniform"
            ) from None
        return OK

    def _sizes(self) -> tuple[int, ...]:
        """Class sizes, and a look at all else. Raises ValueError."""
        for name in ("f", "theta", "centers", "ratio"):
            if not (values := getattr(self, name)):
                raise ValueError(f"{name} is empty: nothing to choose from")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} says a value twice: {' '.join(map(str, values))}")
        for way in self.centers:
            require_known(way, CENTERS, f"centers {way!r} is unknown")
        if wrong := [each for each in self.ratio if not 0.0 < each < float("inf")]:
            raise ValueError(f"ratio={wrong[0]} must be positive and finite")
        said = (self.preset, self.class_sizes, self.labels, self.n_classes)
        sizes = replace(self, preset="cifar10-lt").sizes() if said == (None,) * 4 else self.sizes()
        if len(sizes) < 2:
            raise ValueError(f"class_sizes has one class of {sizes[0]} samples: two are needed")
        return sizes
