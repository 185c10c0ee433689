"""Why a cell is not reproduced: the first sentence that fits it, and none is forgotten."""

import pandas as pd
import pytest

from datasets.storage import write_text
from reports.reasons import UNKNOWN, read_reasons, unreproduced, why
from runs.sources import ROOT

ENTRIES = [
    {"methods": ["dec"], "datasets": ["speech_commands"], "verdicts": ["above"], "reason": "first"},
    {"methods": ["dec", "ddc"], "inputs": ["avg"], "reason": "second"},
    {"methods": ["idec"], "verdicts": ["below", "inconclusive"], "reason": "third"},
]


def cell(**given):
    of = {"method": "dec", "vectorization": "avg", "dataset": "speech_commands", "verdict": "above"}
    row = of | {"verdict_nmi": "reproduced", "n_ok": 5} | given
    return next(pd.DataFrame([row]).itertuples(index=False))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "first"),
        ({"verdict": "below"}, "second"),
        ({"vectorization": "zero", "verdict": "below"}, UNKNOWN),
        ({"method": "ddc"}, "second"),
        ({"method": "rddc"}, UNKNOWN),
        ({"verdict": "reproduced", "verdict_nmi": "above"}, "first"),
        ({"verdict": "inconclusive", "verdict_nmi": "above"}, "first"),
        ({"verdict": "inconclusive", "verdict_nmi": "not comparable"}, "the interval of ACC is wider than 0.2"),
        ({"verdict": "inconclusive"}, "the interval of ACC is wider than 0.2"),
        ({"verdict": "inconclusive", "n_ok": 1}, "a single run, which says nothing of the next one"),
        ({"method": "idec", "verdict": "inconclusive"}, "the interval of ACC is wider than 0.2; third"),
        ({"method": "idec", "verdict": "below"}, "third"),
        ({"verdict": "reproduced", "verdict_nmi": "inconclusive"}, "the interval of NMI is wider than 0.2"),
    ],
)
def test_the_first_that_fits_is_told(given, reason):
    assert why(cell(**given), ENTRIES) == reason


@pytest.mark.parametrize("entry", ["{methods: [dec]}", "{reason: x, rows: [dec]}", "{reason: x, inputs: [padded]}"])
def test_a_mistake_names_the_file(tmp_path, entry):
    write_text(tmp_path / "toy.reasons.yaml", f"- {entry}\n")
    with pytest.raises(ValueError, match="toy.reasons.yaml: expected reason and any of methods, inputs"):
        read_reasons("toy", tmp_path)


def test_every_cell_of_the_paper_that_is_not_reproduced_has_a_reason():
    summary = pd.read_csv(ROOT / "results/reference/paper_summary.csv")
    for name in ("collapsed_accuracy", "collapsed_nmi"):
        summary[name] = summary.get(name)
    told = unreproduced(summary, "rddc_table1")
    assert len(told) and not told["most likely reason"].eq(UNKNOWN).any()
    judged = summary[["verdict", "verdict_nmi"]].where(summary[["published_accuracy", "published_nmi"]].notna().values)
    assert len(told) == (judged.notna() & (judged != "reproduced")).any(axis=1).sum()
    none = unreproduced(summary[summary.published_accuracy.isna()], "rddc_table1")
    assert none.empty and list(none) == list(told)
