"""What our numbers say about the published ones: a verdict on ACC and one on NMI for every cell.

A published number is one draw: of one split, and of the initialisations on it. So it is compared with the *prediction
interval* of one more replication of the protocol, and not with the interval of a mean. `prediction_interval` makes it
from the splits and from resamples of the runs. How often each verdict falls by simulation (tests/numerics/
test_verdict.py holds these figures to .03), where our protocol gives .8 on test splits of 150 sequences and the paper's
gives so much less:

=======  ======  ==========  ============  ==============
less by  splits  reproduced  inconclusive  above or below
=======  ======  ==========  ============  ==============
0        20      .97         .01           .03
.05      20      .76         .00           .23
.1       20      .29         .00           .71
.2       20      .00         .00           1.00
0        10      .89         .09           .02
.05      10      .72         .08           .20
.1       10      .30         .07           .64
.2       10      .00         .00           1.00
0        5       .58         .41           .02
.05      5       .49         .38           .13
.1       5       .22         .31           .47
.2       5       .00         .04           .96
=======  ======  ==========  ============  ==============
"""

import numpy as np
import pandas as pd
from scipy import stats

from runs.scores import SCORES

JUDGED = ("accuracy", "nmi")  # the paper's two scores
FROM_LABELS = "labels"  # the input of the controls that need no run
VERDICTS = ("reproduced", "inconclusive", "above", "below")
NEARLY = 1e-9  # keeps a published number at the very edge inside, which binary fractions would decide by chance
WIDEST = 0.2
RULES = [
    "A published number is one draw of a split and of initialisations. It is compared with the 95 % prediction interval"
    " of one replication of our protocol: over splits, and over resamples of the runs of each, widened by the rounding"
    " of the published number. Reproduced: the published number lies in the interval, and that is no wider than"
    f" {WIDEST}. Inconclusive: it lies in the interval, which is wider. Above, below: ours is above or below it, the"
    " published number outside. Not comparable: there is no published number, or no ok run. ACC and NMI have a verdict"
    " each.",
    "With one split, where everything is clustered say, the runs take the splits' place: the interval is that of one"
    " more of them. A single run of a method that draws its initialisation says nothing about the next one: its"
    " interval is 0 to 1.",
    f"Why {WIDEST}: two methods of the published table that are told apart differ by about as much, and a truth that is"
    f" {WIDEST} away is then hardly ever called reproduced. A test split of 150 sequences alone makes the interval .14"
    " wide at an accuracy of .8; the variance between five splits, which is poorly known, makes it .2.",
    "Above is no praise: a baseline that is far above its published number is a sign of other data.",
]
COLUMNS = ["method", "vectorization", "dataset", "reading", "n_ok", "n", "splits", *(score.name for score in SCORES)]
COLUMNS += [f"{name}_{end}" for name in JUDGED for end in ("low", "high")]
COLUMNS += [*(f"published_{score.name}" for score in SCORES), *(f"rounding_{name}" for name in JUDGED)]
COLUMNS += ["verdict", "verdict_nmi"]


def once_more(values):
    """Half-width of the 95 % prediction interval of one more number like `values`, if they are about normal.

    It is t(n − 1) · s · sqrt(1 + 1/n) (Hahn and Meeker, *Statistical Intervals*, 1991, section 4.7), and infinite for
    one number.
    """
    n = len(values)
    return np.inf if n < 2 else stats.t.ppf(0.975, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)


def prediction_interval(values, draws, error, unseen=0.0):
    """95 % prediction interval of one replication of a protocol.

    The protocol's numbers on n splits are n replications, each of a split and of runs on it. If they are about normal,
    the next one lies within mean ± `once_more`: exact for any share of splits and runs in s, and honest about n. Two
    things that few splits may not show only ever widen it. `error`: what sampling a test split gives by itself, as with
    n splits that happen to agree (all at 1, say). `draws`: where the loss picks now a good run and now a bad one, the
    numbers are anything but normal, and resamples of the runs reach both kinds; the interval holds 95 % of them. With
    one split there is no s, and the two add as independent errors do, each side by itself (Zou and Donner, Statistics
    in Medicine 27, 2008); what another training split does is then not known, and not in it. Of several splits of which
    all but one failed nothing is known.

    Parameters
    ----------
    values : ndarray of shape (n,)
        The protocol's number on every split, NaN where no run is ok.
    draws : ndarray
        The same in resamples of the runs, of all splits alike.
    error : float
        Standard deviation that sampling a test split gives; 0 where nothing is sampled.
    unseen : float
        Half-width that the runs of a single split ask for, whatever `draws` say.

    Returns
    -------
    low, high : float
        Within 0 to 1; None without any number.
    """
    one_split = np.size(values) == 1
    values, draws = (array[~np.isnan(array)] for array in map(np.ravel, (values, draws)))
    n = len(values)
    if not n:
        return None, None
    centre = values.mean()
    low, high = np.percentile(draws, [2.5, 97.5])
    below, above = max(centre - low, 0), max(high - centre, 0)
    reach = stats.norm.ppf(0.975) * error * np.sqrt(1 + 1 / n)
    if one_split:
        below, above = np.hypot(max(below, unseen), reach), np.hypot(max(above, unseen), reach)
    else:
        reach = max(reach, once_more(values))
        below, above = max(below, reach), max(above, reach)
    return float(max(centre - below, 0)), float(min(centre + above, 1))


def verdict(value, low, high, published, rounding):
    """Verdict on one number.

    Parameters
    ----------
    value, low, high : float
        Ours and its `prediction_interval`; NaN without an ok run.
    published, rounding : float
        What the paper has, and half a unit of its last digit; NaN where it has none.

    Returns
    -------
    {"reproduced", "inconclusive", "above", "below", "not comparable"}
        As `RULES` says.
    """
    if np.isnan(published) or np.isnan(value):
        return "not comparable"
    if low - rounding - NEARLY <= published <= high + rounding + NEARLY:
        return "reproduced" if high - low <= WIDEST + NEARLY else "inconclusive"
    return "above" if value > published else "below"


def verdict_on_runs(values, published, lower_is_better):
    """Verdict on one number that isn't a score, by the range of our runs.

    Parameters
    ----------
    values : list of float
        Of all ok runs; NaN, of one that has no such number, takes no part.
    published : str
        As printed: its last digit says how it was rounded.
    lower_is_better : bool or None
        None where neither is better.

    Returns
    -------
    {"reproduced", "better", "different", "not comparable"}
    """
    values = [value for value in values if not np.isnan(value)]
    if not values:
        return "not comparable"
    digits, target = len(published.partition(".")[2]), float(published)
    rounding = 0.5 * 10.0**-digits + 1e-12
    if min(values) - rounding <= target <= max(values) + rounding:
        return "reproduced"
    return "better" if (max(values) < target) == lower_is_better else "different"


def by_chance(summary):
    """Which cells' published accuracy lies within the range of a random clustering, where no verdict says anything.

    Parameters
    ----------
    summary : DataFrame
        With the controls that need no run, as `reports.controls.with_labels` gives it.

    Returns
    -------
    Series of bool
    """
    chance = summary[(summary.method == "random") & (summary.vectorization == FROM_LABELS)].set_index("dataset")
    low, high = (summary.dataset.map(chance[f"accuracy_{end}"]).astype(float) for end in ("low", "high"))
    published, rounding = summary.published_accuracy, summary.rounding_accuracy
    return (published >= low - rounding) & (published <= high + rounding)


def counts(summary, column):
    """Verdict to its number of cells, in the order of `VERDICTS`, of those with a published number."""
    found = summary[column].value_counts()
    return {name: int(found.get(name, 0)) for name in VERDICTS}


def headline(summary):
    """The verdicts of all cells with a published number, in a few sentences; the summary is that of `by_chance`."""
    told = []
    columns = (("ACC", "verdict", "published_accuracy"), ("NMI", "verdict_nmi", "published_nmi"))
    for title, column, published in columns:
        found, number = counts(summary, column), int(summary[published].notna().sum())
        if any(found.values()):
            found |= {"without an ok run": number - sum(found.values())}
            each = ", ".join(f"{count} {name}" for name, count in found.items() if count)
            told.append(f"{title}, of {number} cells with a published number: {each}.")
    if not told:
        return "There is no cell with both a published number and an ok run."
    chance = by_chance(summary) & (summary.verdict != "not comparable")
    if chance.any():
        others = summary[summary.published_accuracy.notna() & ~chance]
        reproduced = counts(others, "verdict")["reproduced"]
        told.append(
            f"In {chance.sum()} of them the published ACC is one that a random clustering gives: no verdict says much."
            f" Of the other {len(others)}, {reproduced} are reproduced by ACC."
        )
    few = (summary.verdict == "reproduced") & (summary.n_ok < summary.n / 2)
    if few.any():
        told.append(f"In {few.sum()} of all that are reproduced by ACC fewer than half of the runs are ok.")
    return " ".join(told)


def summary_csv(summary):
    """The state of a study as CSV, `COLUMNS`: one line a cell, ours and theirs; what there is not is empty."""
    table = summary[COLUMNS].astype({"n_ok": int, "n": int, "splits": int})
    return pd.DataFrame(table).to_csv(index=False, float_format="%.4f", lineterminator="\n")
