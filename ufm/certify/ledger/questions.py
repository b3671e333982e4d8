"""What the paper names as its limitations and leaves to future work, and where the toolkit answers it."""

from typing import NamedTuple


class Question(NamedTuple):
    """One of them."""

    paper: str
    """What the paper says."""
    answer: str
    """What is known by now, in plain words; "open" where nothing is."""
    claims: tuple[str, ...] = ()
    """Claims of the ledger that hold it."""
    rooms: tuple[str, ...] = ()
    """Folders that compute it."""


QUESTIONS = (
    Question(
        "The class-aware strategy is far from optimal; a more class-aware one is future work",
        "An apportionment that brings f_k n_k as close to equal as integers allow; counts for the margins of LDAM; and "
        "the sizes for which the paper's own one is as good",
        ("apportioned", "margin-centers", "reversal"),
    ),
    Question(
        "An optimal classifier for P and CAL is future work",
        "The nearest mean center, which is the Bayes rule for features that are noise around collapse, with offsets if "
        "classes are not equally frequent",
        ("price-of-gcr", "label-shift"),
        ("theory/decision",),
    ),
    Question(
        "Learned frames are not tested: too expensive",
        "Simulated and minimised, with a lower bound that proves the minimum",
        ("theorem-3.3", "theorem-3.4", "free-frame", "variable-projection"),
        ("ufm/minimize", "ufm/simulate"),
    ),
    Question(
        "The theorems hold with an angle per class",
        "They do; with the angles of equal skew RCR treats all classes alike",
        ("angle-per-class",),
    ),
    Question(
        "The choice of theta and f rests on trials",
        "Where collapse is fastest, what is lost at the ends of theta, what margins cost in centers, and which centers "
        "are best for the worst class",
        ("fastest-angle", "small-theta", "theta-ends", "margin-centers", "fairest-centers"),
        ("theory/decision",),
    ),
    Question(
        "Generalisation is not analysed",
        "Accuracy of each rule in closed form around collapse, means learned from few samples, a bound from margins of "
        "training samples, one from means and variances of any features, and what noise that is not isotropic costs",
        ("collapsed-accuracy", "few-samples", "margin-bound", "distribution-free-bound", "anisotropy"),
        ("theory/decision",),
    ),
    Question(
        "Robustness and distribution shift are future work",
        "Radii, at collapse and of any feature; label shift, covariate shift and features of no class around collapse",
        ("collapsed-radius", "certified-radius", "label-shift", "covariate-shift", "out-of-distribution"),
        ("theory/decision",),
    ),
    Question(
        "Hard-to-predict features are analysed for Gaussian noise only",
        "The limits of that analysis and its price; a bound from means and variances that assumes no distribution",
        ("frame-choice", "gcr-price", "distribution-free-bound"),
        ("theory/decision",),
    ),
    Question(
        "Two architectures are tested",
        "More can be trained and measured; the theory of the end knows no architecture but the width it must have",
        ("erratum-15",),
        ("ufm/train",),
    ),
    Question(
        "The method is weak on many classes",
        "In part: a frame takes (f + 1) K dimensions, more than its networks have on CIFAR-100; the rest is open",
        ("erratum-15",),
    ),
    Question("Logit adjustment lifts RBL above CAL", "Open: no theorem here compares the two"),
)
