"""Published numbers: carried over exactly, and a file that is not right is refused by name."""

import csv
from pathlib import Path

import pytest

from datasets.strict_yaml import read_yaml
from reports.published import CELL, FOLDER, published_scores, read_published
from runs.scores import SCORES
from runs.sources import ROOT
from workflow.catalogue import available

NAMES = [path.stem for path in sorted(FOLDER.glob("*.csv"))]
PAPER = ROOT.parent / "shared/paper/table1.csv"
GOOD = """\
# paper: p
# protocol: q
# runs: 20
method,vectorization,dataset,score,value
kmeans,zero,mnist,accuracy,0.50
"""


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_head_and_is_of_methods_that_there_are(name):
    found = read_published(name)
    rows = {row for path in (ROOT / "config/readings").glob("*.yaml") for row in read_yaml(path).get("methods", {})}
    assert set(found.values.method) - {*available("methods"), *rows} <= {"dec_conv_joint"}  # published, but no row here
    assert all(isinstance(said, str) and said for said in (found.protocol, found.runs))
    if isinstance(found.paper, dict):
        assert set(found.paper) == set(found.values.method)


@pytest.mark.skipif(not PAPER.is_file(), reason="the paper's table is not here")
def test_table_1_is_the_papers_digit_by_digit():
    with PAPER.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    expected = {(*map(line.get, CELL), score, line[score]) for line in lines for score in ("accuracy", "nmi")}
    assert set(read_published("rddc_table1").values.itertuples(index=False, name=None)) == expected


def test_a_line_a_cell():
    table = published_scores("rddc_table1", [score.name for score in SCORES])
    assert len(table) == 4 * 16 - 5 and not table.duplicated(CELL).any()
    assert table.published_accuracy.between(0, 1).all() and table.published_ami.isna().all()
    cell = table[(table.method == "rddc") & (table.dataset == "speech_commands")]
    assert cell[["published_accuracy", "published_nmi"]].values.tolist() == [[0.74, 0.19]]
    assert published_scores("mnist", ["nmi"]).published_nmi.notna().sum() == 6
    assert published_scores(None, ["nmi"]).empty
    assert (table.rounding_accuracy == 0.005).all()
    mnist = published_scores("mnist", ["accuracy", "nmi"]).set_index("method")
    assert mnist.rounding_accuracy[["kmeans", "idec"]].tolist() == pytest.approx([0.0005, 0.00005])
    assert mnist.rounding_nmi.notna().equals(mnist.published_nmi.notna())


def test_a_row_that_no_paper_has_is_measured_by_its_method():
    rows = {"rddc": "rddc", "rddc_longer": "rddc", "dec_tutorial": "dec", "dec_conv": "dec_conv", "unknown": "n2d"}
    found = published_scores("rddc_table1", ["accuracy"], rows)
    theirs, own = (found[found.method == name].drop(columns="method") for name in ("rddc", "rddc_longer"))
    assert len(own) == 4 and own.reset_index(drop=True).equals(theirs.reset_index(drop=True))
    assert "unknown" not in set(found.method)
    mnist = published_scores("mnist", ["accuracy"], rows).set_index("method").published_accuracy
    assert mnist["dec_tutorial"] == 0.962 != mnist["dec"]  # the row's own number


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (GOOD.replace("# runs: 20\n", ""), "expected a head of lines '# <field>: ...' with the fields paper, proto"),
        (GOOD.replace("# paper: p", "# paper: {"), "x.csv: its head, line 3: expected"),
        (GOOD.replace("score,value", "measure,value"), "expected the columns method,vectorization,dataset,score,value"),
        (GOOD.replace("0.50", "half"), "no number, or there twice: kmeans,zero,mnist,accuracy,half"),
        (GOOD + "kmeans,zero,mnist,accuracy,0.51\n", "no number, or there twice: kmeans,zero,mnist,accuracy,0.51"),
        (GOOD + "kmeans,zero,mnist\n", "no number, or there twice"),
        (GOOD + "kmeans,zero,mnist,nmi,0.5,0.6\n", "x.csv: .*Expected 5 fields"),
        (GOOD.replace("0.50", "50.0"), "x.csv: kmeans,zero,mnist,accuracy,50.0: expected a value from 0 to 1"),
        (GOOD.replace("accuracy,0.50", "ari,-38.1"), "kmeans,zero,mnist,ari,-38.1: expected a value from -0.5 to 1"),
        ("", "x.csv: "),
    ],
)
def test_a_file_that_is_not_right_is_named(tmp_path, wrong, message):
    Path(tmp_path, "x.csv").write_text(GOOD)
    assert read_published("x", tmp_path).values.value.tolist() == ["0.50"]
    Path(tmp_path, "x.csv").write_text(wrong)
    with pytest.raises(ValueError, match=message) as caught:
        read_published("x", tmp_path)
    assert str(tmp_path) in str(caught.value)
