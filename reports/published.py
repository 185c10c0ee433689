"""Published numbers: one CSV a paper, ``method,vectorization,dataset,score,value``, any score, as printed.

Its head, lines that start with ``#``, is YAML: ``paper`` (or one for each method), the paper's own ``protocol``, and
how many ``runs`` stand behind a number.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from datasets.strict_yaml import parse_yaml
from runs.scores import RANGES, outside

FOLDER = Path(__file__).with_name("published")
CELL = ["method", "vectorization", "dataset"]
HEAD = ("paper", "protocol", "runs")


class Published(NamedTuple):
    """What one file says.

    Parameters
    ----------
    values : DataFrame of str
        `CELL`, score and value; the digits of a value are those that were printed.
    paper : str or dict of str to str
        Where the numbers are from, or method to that.
    protocol, runs : str
    """

    values: pd.DataFrame
    paper: str | dict
    protocol: str
    runs: str


def read_published(name, folder=FOLDER):
    """The published table `name`.

    Raises
    ------
    ValueError
        Naming the file, for another head or other columns, a value that is no number or not in its score's range, a
        percentage say, or one that is there twice.
    """
    path = Path(folder, f"{name}.csv")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        head = parse_yaml("\n".join(line[2:] for line in lines if line.startswith("#")), "its head")
        values = pd.read_csv(path, comment="#", dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(head, dict) or set(head) != set(HEAD):
        raise ValueError(f"{path}: expected a head of lines '# <field>: ...' with the fields {', '.join(HEAD)}")
    if list(values.columns) != [*CELL, "score", "value"]:
        raise ValueError(f"{path}: expected the columns {','.join([*CELL, 'score', 'value'])}")
    wrong = pd.to_numeric(values.value, errors="coerce").isna() | values.duplicated([*CELL, "score"])
    if wrong.any():
        raise ValueError(f"{path}: no number, or there twice: {','.join(values[wrong].iloc[0])}")
    for score, (least, most) in RANGES.items():
        own = values[values.score == score]
        if (wrong := outside(own.value.astype(float), least, most)).any():
            raise ValueError(f"{path}: {','.join(own[wrong].iloc[0])}: expected a value from {least:g} to {most:g}")
    return Published(values, head["paper"], *(str(head[field]) for field in HEAD[1:]))


def published_scores(name, scores, methods=None):
    """A line a cell of the table `name`: `CELL`, and of each of the `scores` two columns, NaN for none.

    ``published_<score>`` is the number, ``rounding_<score>`` half a unit of its last digit, as printed. No line
    belongs to the name None, which is a config's word for no paper. `methods` is row to the method that it runs: a row
    that no paper has is measured by its method's numbers.
    """
    values = read_published(name).values if name else pd.DataFrame(columns=[*CELL, "score", "value"])
    known = set(values.method)
    variants = {row: method for row, method in (methods or {}).items() if row not in known and method in known}
    values = pd.concat(
        [values, *(values[values.method == method].assign(method=row) for row, method in variants.items())]
    )
    digits = values.value.map(lambda printed: len(printed.partition(".")[2])).astype(float)
    values = values.assign(published=values.value.astype(float), rounding=0.5 * 10**-digits)
    wide = [
        values.pivot(index=CELL, columns="score", values=what).reindex(columns=scores).add_prefix(f"{what}_")
        for what in ("published", "rounding")
    ]
    return pd.concat(wide, axis=1).reset_index().rename_axis(columns=None)
