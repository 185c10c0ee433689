"""One reading's rows on all its data sets: the heat map, ranks, costs and sentences that the suite's page shows."""

from pathlib import Path

import numpy as np
import pandas as pd

from methods.base import load_method
from runs.results import frame, read_records
from runs.scores import SCORES

from . import ranks
from .data import load_sheet
from .statistics import seconds_tried, select
from .tables import number, span, title

SHOWN = [score for name in ("ari", "ami", "nmi", "accuracy") for score in SCORES if score.name == name]
CELL = ["dataset", *ranks.ROW]
OURS = "rddc"  # whose place the sentences tell, and that of what begins so
CLASSES = {  # upper limits and names of what data sets are filtered by
    "length": [(50, "median below 50"), (130, "50 to 130"), (np.inf, "from 130")],
    "size": [(200, "below 200"), (1001, "200 to 1000"), (np.inf, "above 1000")],
    "channels": [(2, "1"), (10, "2 to 9"), (np.inf, "from 10")],
}


def called(row):
    """A row in words; the input of one that reads sequences as they are goes without saying."""
    method, how = row
    return title(method) + ("" if how == "none" else f", {title(how)}")


class Standings:
    """Rows of one reading.

    Parameters
    ----------
    name : str
        Of the reading.
    part : dict
        Its ``folder``, ``files`` of records in it, ``rows``, ``controls``, pairs of a row and its input, and
        ``families``, data sets of the same recordings, as `workflow.studies.page_job` gives them.
    selection, scored : str
        Splits, as `reports.statistics.summarise` takes them.

    Attributes
    ----------
    files : list of Path
    records : list of dict
    algorithms : dict of str to str
        Row to the method that it runs.
    sheets : dict of str to dict
        Of every data set that a ranked row ran on.
    n, n_ok, n_emptied : int
        Runs of the rows that are ranked, those of them that count as ok, and those of these that left clusters empty.
    cells : DataFrame
        A line a cell: `CELL`, ``n``, ``n_ok``, ``failures``, the scores of `SHOWN` as means over ok runs, ``lowest``,
        the ARI of the run with the lowest loss, ``off``, by how much the number of clusters is off, ``seconds``,
        ``peak_memory_mib``.
    table : DataFrame
        As `ranks.cells`, of the rows that are ranked, the best first.
    complete : DataFrame
        The same of the data sets on which every row has a number.
    apart : DataFrame
        The same, data sets of the same recordings taken as one.
    everywhere : Series
        Mean rank of every row over all data sets, failures last.
    unknown : list of str
        Methods that aren't told the number of clusters.
    """

    def __init__(self, name, part, selection, scored):
        self.name = name
        self.files = files = [Path(part["folder"], file) for file in part["files"]]
        self.records = read_records(files)
        self.algorithms = {row: said["algorithm"] for row, said in part["rows"].items()}
        self.sheets = {of: load_sheet(part["folder"], of) for of in dict.fromkeys(file.parent.name for file in files)}
        runs = frame(self.records, scored)
        full = runs.status == "ok"
        runs = ranks.with_empty_clusters(runs)
        self.unknown = [row for row, of in self.algorithms.items() if load_method(of).fewest_clusters == 1]
        runs["off"] = (
            runs.found - runs.dataset.map({of: len(sheet["classes"]) for of, sheet in self.sheets.items()})
        ).abs()
        found = [dict(zip(CELL, cell, strict=True)) | self._cell(own, selection) for cell, own in runs.groupby(CELL)]
        self.cells = pd.DataFrame(found)
        apart = pd.MultiIndex.from_frame(runs[ranks.ROW]).isin(list(map(tuple, part["controls"])))
        in_ranks = ~(apart | runs.method.isin(self.unknown))
        ok = in_ranks & (runs.status == "ok")
        self.n, self.n_ok, self.n_emptied = int(in_ranks.sum()), int(ok.sum()), int((ok & ~full).sum())
        ranked = ranks.cells(runs[in_ranks])
        order = ranks.ranks(ranked).mean(axis=1).sort_values(kind="stable").index
        self.sheets = {name: sheet for name, sheet in self.sheets.items() if name in ranked}
        self.table = ranked.loc[order, list(self.sheets)]
        self.complete, self.everywhere = ranks.complete(self.table), ranks.ranks(self.table).mean(axis=1)
        self.apart = ranks.together(self.complete, part["families"])
        self.compared = ranks.pairwise(self.complete)

    @staticmethod
    def _cell(runs, selection):
        ok = runs[runs.status == "ok"]
        failures = runs.status[runs.status != "ok"].value_counts()
        chosen = select(runs, selection)
        return {
            "n": len(runs),
            "n_ok": len(ok),
            "failures": ", ".join(f"{count} {status}" for status, count in failures.items()),
            **{score.name: ok[score.name].mean() for score in SHOWN},
            "lowest": np.nan if chosen is None else runs.ari[chosen],
            "off": ok.off.mean(),
            "seconds": seconds_tried(runs),
            "peak_memory_mib": runs.peak_memory_mib.max(),
        }

    def mean_ranks(self):
        """Mean rank of every row over the complete data sets, the best first; NaN without such a data set."""
        return ranks.ranks(self.complete).mean(axis=1).sort_values(kind="stable")

    def heat(self):
        """ARI as strings: a data set a line, a row a column, and what data sets can be filtered by."""
        lines = []
        of = self.cells.set_index(CELL)
        for name, sheet in self.sheets.items():
            facts = {"length": sheet["lengths"]["median"], "size": sheet["n"], "channels": sheet["dimensions"]}
            line = {"data set": title(name)} | {
                kind: next(word for limit, word in CLASSES[kind] if fact < limit) for kind, fact in facts.items()
            }
            for row in self.table.index:
                line[called(row)] = shown(of.loc[(name, *row)]) if (name, *row) in of.index else "no record"
            lines.append(line)
        return pd.DataFrame(lines)

    def shades(self):
        """`heat` as numbers."""
        return self.table.T.set_axis([called(row) for row in self.table.index], axis=1).reset_index(drop=True)

    def rank_table(self):
        """A line a row: mean ranks, mean scores, failures, and the difference from the best row."""
        order = self.mean_ranks()
        means = self.cells.set_index(["method", "vectorization"])
        lines = []
        for row in order.index:
            own = means.loc[[row]]
            own = own[own.dataset.isin(self.complete)]
            failed = int(self.table.loc[row].isna().sum())
            line = {"row": called(row), "mean rank": number(order[row]), "all sets": number(self.everywhere[row])}
            line |= {f"mean {score.title}": number(own[score.name].mean(), ".3f") for score in SHOWN}
            line |= {"lowest loss, ARI": number(own.lowest.mean(), ".3f"), "failed on": f"{failed}/{len(self.sheets)}"}
            lines.append(line | self._beside_best(order.index[0], row))
        return pd.DataFrame(lines)

    def _beside_best(self, best, row):
        pair = self.compared[
            [{one, other} == {best, row} for one, other in zip(self.compared.one, self.compared.other, strict=True)]
        ]
        if row == best or pair.empty:
            return dict.fromkeys(("less the best, ARI", "95 % interval", "wins, ties, losses", "p, Holm"), "–")
        pair = turned(pair.iloc[0], row)
        return {
            "less the best, ARI": number(pair.difference, "+z.3f"),
            "95 % interval": span(pair.low, pair.high, "+z.2f"),
            "wins, ties, losses": f"{pair.wins}, {pair.ties}, {pair.losses}",
            "p, Holm": number(pair.holm, ".2g"),
        }

    def pair_table(self):
        """A line a pair of rows."""
        return pd.DataFrame(
            {
                "row": called(pair.one),
                "less": called(pair.other),
                "ARI": number(pair.difference, "+z.3f"),
                "95 % interval": span(pair.low, pair.high, "+z.2f"),
                "wins, ties, losses": f"{pair.wins}, {pair.ties}, {pair.losses}",
                "p": number(pair.p, ".2g"),
                "p, Holm": number(pair.holm, ".2g"),
                "told apart": "yes" if pair.holm < ranks.LEVEL else "no",
            }
            for pair in self.compared.itertuples()
        )

    def costs(self):
        """Numbers of `cost_table`: a line a row, in the order of the mean ranks."""
        sizes = np.array([[sheet["n"], sheet["lengths"]["median"]] for sheet in self.sheets.values()], float)
        of = self.cells.set_index(["method", "vectorization", "dataset"])
        shared, lines = list(self.complete), []
        for row in self.table.index:
            there = [(*row, name) for name in self.sheets if (*row, name) in of.index]
            own = of.loc[there].droplevel([0, 1]).reindex(list(self.sheets))
            timed = own.seconds.where(own.n_ok > 0).to_numpy(float)
            n, length = ranks.growth(timed, sizes)
            lines.append(
                {"row": row, "seconds": own.seconds[shared].median(), "longest": own.seconds.max()}
                | {"peak_memory_mib": own.peak_memory_mib.max(), "ari": self.complete.loc[row].mean()}
                | {"exponent_n": n, "exponent_length": length}
            )
        made = pd.DataFrame(lines)
        return made.assign(front=ranks.front(made.seconds, made.ari))

    def cost_table(self):
        """`costs` as strings."""
        return pd.DataFrame(
            {
                "row": called(line.row),
                "seconds a run, median": number(line.seconds, ".2f"),
                "longest": number(line.longest, ".1f"),
                "peak memory, MiB": number(line.peak_memory_mib, ".0f"),
                "mean ARI": number(line.ari, ".3f"),
                "on the front": "yes" if line.front else "",
                "seconds grow with n to the power": number(line.exponent_n, ".1f"),
                "and with length": number(line.exponent_length, ".1f"),
            }
            for line in self.costs().itertuples()
        )

    def unknown_table(self):
        """A line a row that isn't told the number of clusters: how well it does, and how far off its number is."""
        own = self.cells[self.cells.method.isin(self.unknown)]
        return pd.DataFrame(
            {
                "row": called(row),
                "mean ARI": number(of.ari.mean(), ".3f"),
                "mean |k̂ - k|": number(of.off.mean(), ".1f"),
                "right on": f"{int((of.off == 0).sum())} of {len(of)} data sets",
                "ok": f"{of.n_ok.sum()}/{of.n.sum()} runs",
            }
            for row, of in own.groupby(ranks.ROW, sort=False)
        )

    def said(self):
        """What the reading says, in sentences."""
        order, p = self.mean_ranks(), ranks.friedman(self.complete)
        sentences = [
            f"Reading “{self.name}”: {self.n} runs of {len(self.table)} ranked rows on {len(self.sheets)} data sets,"
            f" {self.n_ok} of them ok ({self.n_emptied} of which left up to half of their clusters empty); on"
            f" {self.complete.shape[1]} data sets every row has a number. Controls and rows that aren't told the number"
            f" of clusters have {len(self.records) - self.n} more runs."
        ]
        if failed := [f"{called(row)} on {n}" for row, n in self.table.isna().sum(axis=1).items() if n]:
            sentences.append(f"The others are left out of tests and ranks, as these rows failed: {', '.join(failed)}.")
        ours = [self._place(row) for row in self.table.index if self.algorithms.get(row[0], "").startswith(OURS)]
        if p is None:
            return [*sentences, "That is too little to test rows by.", *ours]
        best, second = order.index[:2]
        pair = turned(
            next(q for q in self.compared.itertuples(index=False) if {q.one, q.other} == {best, second}), best
        )
        alike = "the rows differ" if p < ranks.LEVEL else "the rows may all be alike"
        sentences.append(
            f"Friedman's test: p = {p:.2g}, {alike}. The best mean rank is that of {called(best)}, {order.iloc[0]:.1f}"
            f" of {len(order)}; next is {called(second)} with {order.iloc[1]:.1f}. {ranks.told(pair, called)}."
        )
        if self.apart.shape[1] < self.complete.shape[1]:
            sentences.append(self._of_families())
        return [*sentences, *ours]

    def _of_families(self):
        """What is left where data sets of the same recordings count once, in a sentence."""
        p, order = ranks.friedman(self.apart), ranks.ranks(self.apart).mean(axis=1).sort_values(kind="stable")
        tested = "too few to test" if p is None else f"Friedman's p = {p:.2g}"
        first = " and ".join(f"{called(row)}, {order[row]:.1f}" for row in order.index[:2])
        return (
            f"Data sets of the same recordings aren't {self.complete.shape[1]} witnesses: taken as one, by their mean"
            f" ARI, they leave {self.apart.shape[1]} ({tested}), and the best mean ranks are those of {first}."
        )

    def _place(self, row):
        """Where a row stands, in a sentence: on the complete data sets, and on all where these are more."""
        told, means = [], {self.complete.shape[1]: self.mean_ranks(), self.table.shape[1]: self.everywhere}
        for sets, mean in [of for of in means.items() if of[0]]:
            place = int((mean < mean[row]).sum()) + 1
            third = "in" if place <= len(mean) / 3 else "not in"
            on = f"on {sets} data sets its mean rank is {mean[row]:.1f}, number {place} of {len(mean)}"
            told.append(f"{on}, {third} the upper third")
        return f"{called(row)}: {'; '.join(told)}."


def turned(pair, row):
    """A pair as seen from `row`."""
    if pair.one == row:
        return pair
    fields = dict(pair) if isinstance(pair, pd.Series) else pair._asdict()
    fields |= {"one": pair.other, "other": pair.one, "difference": -pair.difference, "ahead": -pair.ahead}
    fields |= {"low": None if pd.isna(pair.low) else -pair.high, "high": None if pd.isna(pair.low) else -pair.low}
    return pd.Series(fields | {"wins": pair.losses, "losses": pair.wins})


def shown(cell):
    """A cell of the heat map: the ARI, how many runs are ok unless all are, and why none is."""
    share = "" if cell.n_ok == cell.n else f" {int(cell.n_ok)}/{int(cell.n)}"
    return f"{cell.ari:z.2f}{share}" if cell.n_ok else f"{cell.failures.split(' ', 1)[1].split(',')[0]}{share}"
