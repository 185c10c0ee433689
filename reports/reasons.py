"""What was not reproduced, and why: a sentence for every such cell, the most likely reason as far as we know.

The sentences are people's, in ``published/<table>.reasons.yaml``: a list of entries with ``reason`` and the
``methods``, ``inputs``, ``datasets``, ``readings`` and ``verdicts`` that it is about, any where one is left out. The
first that fits a cell is told. An inconclusive verdict needs none: it says itself that runs or splits are too few; an
entry that names it among its ``verdicts`` is told beside that.
"""

import pandas as pd

from datasets.strict_yaml import parse_yaml
from methods.vectorize import INPUTS

from .published import FOLDER
from .tables import ours, span, theirs, title
from .verdict import WIDEST

OF = {
    "methods": "method",
    "inputs": "vectorization",
    "datasets": "dataset",
    "readings": "reading",
    "verdicts": "verdict",
}
UNKNOWN = "no reason is known"
COLUMNS = ["method", "input", "data set", "ours", "published", "ACC, interval", "ACC", "NMI", "most likely reason"]


def read_reasons(name, folder=FOLDER):
    """The entries about a published table; none where nobody has written any.

    Raises
    ------
    ValueError
        Naming the file, for an entry without a reason or with a field or an input that there is not.
    """
    path = folder / f"{name}.reasons.yaml"
    entries = parse_yaml(path.read_text(encoding="utf-8"), path) if name and path.is_file() else []
    for entry in entries:
        if "reason" not in entry or not set(entry) <= {"reason", *OF} or set(entry.get("inputs", [])) - set(INPUTS):
            raise ValueError(f"{path}: expected reason and any of {', '.join(OF)}, got {entry}")
    return entries


def why(row, entries):
    """The reason why a cell is not reproduced."""
    verdicts = row.verdict, row.verdict_nmi
    verdict = next((one for one in verdicts if one in ("above", "below")), None)
    undecided = verdict is None and "inconclusive" in verdicts
    cell = row._replace(verdict="inconclusive" if undecided else verdict or row.verdict)
    fitting = [
        entry["reason"]
        for entry in entries
        if all(getattr(cell, column) in entry[field] for field, column in OF.items() if field in entry)
        and (not undecided or "verdicts" in entry)
    ]
    if not undecided:
        return [*fitting, UNKNOWN][0]
    wide = f"the interval of {'ACC' if row.verdict == 'inconclusive' else 'NMI'} is wider than {WIDEST}"
    return "; ".join(["a single run, which says nothing of the next one" if row.n_ok == 1 else wide, *fitting[:1]])


def unreproduced(summary, name):
    """A line for every cell with a published number whose ACC or NMI is not reproduced, with the reason."""
    entries = read_reasons(name)
    nmi = (summary.verdict_nmi == "reproduced") | summary.published_nmi.isna()
    left = summary[summary.published_accuracy.notna() & ~((summary.verdict == "reproduced") & nmi)]
    told = [why(row, entries) for row in left.itertuples(index=False)]
    rows = [
        [
            *(title(name) for name in (row.method, row.vectorization, row.dataset)),
            ours(row),
            theirs(row),
            span(row.accuracy_low, row.accuracy_high),
            row.verdict,
            row.verdict_nmi,
            reason,
        ]
        for (_, row), reason in zip(left.iterrows(), told, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
