"""What our numbers say about the published ones: a verdict for every cell.

The rule looks at the bootstrap interval of the paper's protocol over our runs. That interval covers the choice of the
initialisations, not the choice of the test split: both test splits are a tenth of a data set, so either accuracy would
be another one on another split. `split_error` says by how much; it stands beside a verdict and does not soften it.
"""

import numpy as np
import pandas as pd

from runs.scores import SCORES

ROUNDING = 0.005  # half a unit of a published accuracy's last digit
RULES = [
    "Reproduced: the published accuracy lies in the 95 % bootstrap interval of our protocol over runs, widened by the"
    " rounding of the published number. Better: ours is above it. Different: ours is below it. Not comparable: there is"
    " no published number, or no ok run.",
    "The interval covers the choice of the initialisations only; with a single run it is one point, and where the loss"
    " ranks runs badly it is so wide that it holds much: “reproduced” then says that the paper's number is one that the"
    " protocol can give, not that it is the one to expect. “Another split” is"
    " what the choice of the two test splits may add: the half-width of the 95 % interval of the difference of two"
    " accuracies on test splits of our size, by binomial sampling. The verdict does not use it.",
]
COLUMNS = ["method", "vectorization", "dataset", "reading", "n_ok", "n", *(score.name for score in SCORES)]
COLUMNS += ["accuracy_low", "accuracy_high", *(f"published_{score.name}" for score in SCORES), "verdict"]


def verdict(accuracy, low, high, published):
    """Verdict on one cell.

    Parameters
    ----------
    accuracy, low, high : float
        Ours by the paper's protocol and its interval; NaN without an ok run.
    published : float
        NaN where the paper has none.

    Returns
    -------
    {"reproduced", "better", "different", "not comparable"}
        ``not comparable``: one of the two numbers is missing. ``reproduced``: the published accuracy lies in our
        interval, widened by `ROUNDING`. Otherwise ``better`` when ours is above it and ``different`` when below.
    """
    if np.isnan(published) or np.isnan(accuracy):
        return "not comparable"
    # The last term keeps a published number at the very edge inside, which binary fractions would decide by chance.
    if low - ROUNDING - 1e-9 <= published <= high + ROUNDING + 1e-9:
        return "reproduced"
    return "better" if accuracy > published else "different"


def split_error(accuracy, published, n_test):
    """Half-width of the 95 % interval of the difference of two accuracies, each on a test split of `n_test` sequences.

    Binomial sampling after Agresti and Caffo (2000): one success and one failure more on either side, so that an
    accuracy of 1 isn't taken for certain. The size of the paper's split is not known; ours stands for it.
    """
    shares = [(value * n_test + 1) / (n_test + 2) for value in (accuracy, published)]
    return 1.96 * np.sqrt(sum(share * (1 - share) for share in shares) / (n_test + 2))


def within_split_error(summary, n_test):
    """Which cells differ from the published value by no more than `split_error`.

    Parameters
    ----------
    summary : DataFrame
        As `reports.statistics.summarise` gives it.
    n_test : dict of str to int
        Data set to size of the test split.

    Returns
    -------
    Series of bool
        False where there is nothing to compare.
    """
    error = split_error(summary.accuracy, summary.published_accuracy, summary.dataset.map(n_test))
    return summary.difference.abs() <= error


def headline(summary, n_test):
    """The verdicts of all cells with a published number, in one sentence; see `within_split_error`."""
    compared = summary[summary.verdict != "not comparable"]
    if compared.empty:
        return "There is no cell with both a published number and an ok run."
    counts = compared.verdict.value_counts().reindex(["reproduced", "better", "different"]).dropna().astype(int)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    apart = compared[compared.verdict != "reproduced"]
    sentence = f"Of {len(compared)} cells with a published number: {told}."
    if len(apart):
        near = int(within_split_error(apart, n_test).sum())
        sentence += f" Another test split alone could explain {near} of the {len(apart)} that are not reproduced."
    return sentence


def summary_csv(summary):
    """The state of a study as CSV, `COLUMNS`: one line a cell, ours and theirs; what there is not is empty."""
    table = summary[COLUMNS].astype({"n_ok": int, "n": int})
    return pd.DataFrame(table).to_csv(index=False, float_format="%.4f", lineterminator="\n")
