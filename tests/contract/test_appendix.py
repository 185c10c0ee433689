"""The appendix: every number of its text is a macro made from results, and TeX accepts whatever a record says."""

import json
import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from fake_records import described, runs, write_scored

from reports import appendix, latex, statistics, style, tables, verdict

NASTY = "$x_1$ & {\\input{/etc/passwd}} #1 ~^ “é” 漢字 ☃ σ\x07 " + "long" * 30 + "_word/" * 20 + " 50 % of"
FIXED = ("Table 1", "Figure 2", "Figure 3")
SHEET = {
    "n": 1234,
    "dimensions": 13,
    "classes": ["a", "b"],
    "lengths": {"min": 4, "max": 93, "median": 39.0},
    "split_sizes": {"train": 1000, "validation": 100, "test": 134},
    "notes": {NASTY: 1},
    "licence": "CC BY 4.0",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of an appendix without PDF, and the job and summary that it was made from."""
    folder = tmp_path_factory.mktemp("appendix")
    job = {
        "reading": "test",
        "folder": str(folder),
        "files": [],
        "scored": "test",
        "datasets": ["arabic_digits", "mine_k3"],
        "controls": [["length_kmeans", "none"]],
        "methods": {method: described(method) for method in ("rddc", "kmeans", "length_kmeans")},
    }
    every = []
    for method, accuracies in (("rddc", [0.81, 0.7, None]), ("length_kmeans", [0.99, 0.99])):
        for dataset in job["datasets"]:
            some = runs(accuracies, [0.1, 0.2, 0.3][: len(accuracies)], method=method, dataset=dataset)
            some = [record | {"reason": NASTY} if record["reason"] else record for record in some]
            job["files"].append(f"records/{dataset}/{method}.jsonl")
            write_scored(folder / job["files"][-1], some, {})
            every += some
    for name in job["datasets"]:
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{name}.json").write_text(json.dumps(SHEET | {"name": name}))
    summary = statistics.summarise(every, "test", "train")
    (folder / "tables").mkdir()
    (folder / "tables/summary.csv").write_text(verdict.summary_csv(summary))
    shown = {"table1": tables.table1(summary, job["datasets"], {})}
    shown |= {"detail_mine_k3": tables.detailed(summary, "mine_k3"), "budgets": tables.budgets(summary)}
    for name, table in shown.items():
        (folder / "tables" / f"{name}.tex").write_text(latex.table(table, [NASTY]))
    figure, axes = plt.subplots(figsize=(30, 5))
    axes.plot([0, 1])
    style.save(figure, folder / "figures" / "strips_mine_k3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: None)
        appendix.write_appendix(job, folder / "tables", folder / "figures", folder / "appendix")
    return folder / "appendix", job, pd.read_csv(folder / "tables/summary.csv")


def test_runs_that_failed_alike_share_a_line():
    made = [run | {"split": split} for split in (0, 1) for run in runs([0.9, None, None], [0.1] * 3)]
    made[-1]["reason"] = "another"
    table = appendix.failures(made)
    assert list(table.runs) == ["3", "1"] and list(table.splits) == ["2", "1"] and table.reason[1] == "another"
    assert list(table["data set"].unique()) == ["Arabic Digits"]
    assert appendix.failures(runs([0.9], [0.1])).empty


def defined(folder):
    lines = (folder / "numbers.tex").read_text().splitlines()
    return dict(re.fullmatch(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}", line).groups() for line in lines)


def typed_digits(text):
    """Digits of the text itself: not of the preamble, of macros, of files' names, of what has a number for a name."""
    body = text.partition("\\begin{document}")[2]
    body = re.sub(r"\\input\{.*?\}|\\onefigure\{.*?\}", "", body)
    for name in FIXED:
        body = body.replace(name, "")
    return re.findall(r"\d+", body)


def test_no_number_of_the_text_is_typed(made):
    text = (made[0] / "appendix.tex").read_text()
    assert typed_digits(text) == []
    assert typed_digits(text.replace("The highest", "RDDC has 0.81. The highest")) == ["0", "81"] * 2


def test_macros_are_the_values_of_the_summary(made):
    folder, _, summary = made
    values = defined(folder)
    assert len(summary) == 4
    for row in summary.itertuples():
        name = {"arabic_digits": "ArabicDigits", "mine_k3": "MineKThree"}[row.dataset]
        start = {"rddc": "Rddc", "length_kmeans": "LengthKmeans"}[row.method] + "None" + name
        assert values[f"{start}Accuracy"] == f"{row.accuracy:.2f}" and values[f"{start}Verdict"] == row.verdict
        assert values[f"{start}Runs"] == str(row.n) and values[f"{start}Ok"] == str(row.n_ok)
    assert values["RddcNoneArabicDigitsPublishedAccuracy"] == "0.80"
    assert values["RddcNoneMineKThreePublishedAccuracy"] == "--"
    assert (values["AllRuns"], values["OkRuns"], values["FailedRuns"], values["AllCells"]) == ("10", "8", "2", "4")
    assert values["MineKThreeSequences"] == "1,234" and values["ComparedCells"] == "1"
    told = {"Dimensions": "13", "Classes": "2", "Shortest": "4", "Longest": "93", "Median": "39", "Train": "1,000"}
    told |= {"Validation": "100", "Test": "134"}
    assert {name: values[f"MineKThree{name}"] for name in told} == told
    assert values["MissingCells"] == "0"  # cells without a published number lack none


def test_hours_are_summed_over_the_runs_and_a_cell_without_an_ok_run_is_missing():
    half = {"seconds": 1800.0, "peak_memory_mib": 1.0}
    records = runs([None] * 3, [None] * 3, cost=half)
    values = appendix.of_all({"reading": "x"}, records, statistics.summarise(records, "test", "train"))
    assert values["training", "hours"] == "1.5" and values["missing", "cells"] == values["compared", "cells"] == 1


def test_what_the_text_counts_and_lists(made):
    text = (made[0] / "appendix.tex").read_text()
    assert "ACC, of \\ComparedCells{} cells" in text and "NMI, of \\JudgedCells{} cells" in text
    assert "\\NmiReproducedCells{} reproduced" in text and "\\input{tables/failures}" in text


def test_the_environment_has_the_data_of_the_first_split_alone():
    records = [run for split in range(2) for run in runs([0.5], [0.1], split=split)]
    records[1]["provenance"] = records[1]["provenance"] | {"data_digest": "other", "threads": 2}
    table = appendix.environment(records)
    assert table[table.of == "data of Arabic Digits, split 0"].value.tolist() == ["0"]
    assert "other" not in set(table.value)
    assert table[table.of == "threads"].value.tolist() == ["1", "2"]


def test_a_row_differs_by_its_own_settings_alone():
    said = described("rddc", settings={"epochs": 3, "batch": 5}, own=["epochs"], reason="As asked.")
    said["datasets"] = {"arabic_digits": {"epochs": 9, "batch": 7}}
    assert appendix.difference(said) == "As asked. RDDC with epochs 3; epochs 9 on Arabic Digits."


def test_every_macro_of_the_text_is_defined(made):
    body = (made[0] / "appendix.tex").read_text().partition("\\begin{document}")[2]
    used = set(re.findall(r"\\([A-Z][A-Za-z]+)\{\}", body))
    assert len(used) > 20 and used <= defined(made[0]).keys()


def test_a_control_is_never_the_best_method(made):
    text = (made[0] / "appendix.tex").read_text()
    assert "\\RddcNoneMineKThreeAccuracy" in text and "\\LengthKmeansNoneMineKThreeAccuracy{}" not in text


def test_data_without_labels(made):
    _, job, summary = made
    summary = summary.assign(accuracy=float("nan"), verdict="not comparable")
    sheets = {"mine_k3": SHEET | {"classes": []}}
    text = appendix.text(job, summary, sheets, {"indices"}, {"clusters_mine_k3"})
    assert ", without labels;" in text and "\\input{tables/indices}" in text and "{clusters_mine_k3}" in text
    assert "There is no cell with both" in text and "highest accuracy" not in text and typed_digits(text) == []
    assert appendix.numbers(job, [], summary, sheets)["RddcNoneMineKThreeAccuracy"] == "–"


def test_two_numbers_of_one_name_are_refused(made):
    _, job, summary = made
    sheets = {"a": SHEET, "a_": SHEET}
    with pytest.raises(ValueError, match="two numbers of the appendix are called A"):
        appendix.numbers(job, [], summary, sheets)


def test_deviations_are_the_docstrings(made):
    text = (made[0] / "deviations.tex").read_text()
    assert text.count("\\subsection") == 3 and "arXiv" in text and "\\texttt{input\\_" in text and text.isascii()


def test_tables_are_as_wide_as_a_line_at_most():
    for columns in (2, 12):
        shares = latex.widths([("heading words", "cell " * 30, "x") for _ in range(columns)])
        assert len(shares) == columns and min(shares) > 0 and sum(shares) <= 1 + 1e-9
    assert latex.widths([("two words", "x"), ("b", "x")])[0] == 11 / latex.LINE
    narrow, wide = latex.widths([("a", "b"), ("a", "word " * 60)])
    assert wide > 10 * narrow
    cells = "word " * 30
    narrow, _ = latex.widths([("what a long heading says", "x"), ("a", cells[: latex.LINE - 20])])
    assert 11 / latex.LINE < narrow < 26 / latex.LINE  # a heading gets the room that is left
    few, many, most = latex.widths([("a", "two words"), ("a", "word " * 40), ("a", "word " * 80)])
    assert few == 11 / latex.LINE and many == most  # who asks for little gets it, the others get alike


def test_a_row_that_begins_like_an_argument_is_none():
    text = latex.table(pd.DataFrame({"method": ["[new] row", "* mine"], "ACC": ["0.5", "0.6"]}), [])
    assert "\n{}[new] row & 0.5" in text and "\n{}* mine & 0.6" in text


def test_ours_and_the_papers_stand_below_one_heading():
    names = ["method", "Digits & all", "Digits & all, paper", "other", "third, paper"]
    above, below = latex.grouped(names)
    assert above == " & \\multicolumn{2}{l}{Digits \\& all} &  &  \\tabularnewline\n"
    assert below == ["method", "ours", "paper", "other", "third, paper"]
    assert latex.grouped(names[:2]) == ("", names[:2])


def test_letters_of_a_figure_are_as_large_as_those_of_the_text(made):
    """As high without ascenders as Times of the text's size, all of one size, and no figure is made smaller."""
    assert 0.547 * style.SIZE >= 0.448 * 10 and "[10pt" in appendix.PREAMBLE and "{mathptmx}" in appendix.PREAMBLE
    with plt.rc_context(style.STYLE):
        figure, axes = plt.subplots(layout="constrained")
        axes.plot([0, 1], label="line")
        axes.set(title="title", xlabel="x", ylabel="y")
        texts = [figure.supxlabel("x"), figure.supylabel("y"), figure.suptitle("all"), *figure.legend().get_texts()]
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), axes.text(0, 0, "text")]
        assert {text.get_fontsize() for text in texts} == {style.SIZE}
    plt.close(figure)
    margin = float(re.search(r"margin=([\d.]+)cm", appendix.PREAMBLE)[1])
    assert (21 - 2 * margin) / 2.54 >= style.PAGE - 0.01


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", "a\\_b"),
        ("é", "\\'{e}"),
        ("−1", "$-$1"),
        ("≤ ≥ ≠ ±", "$\\leq$ $\\geq$ $\\neq$ $\\pm$"),
        ("← → ×", "$\\leftarrow$ $\\to$ $\\times$"),
        ("σ²", "$\\sigma$$^2$"),
        ("☃", "[snowman]"),
        ("\x07", " "),
        ("\\input", "\\text"),
    ],
)
def test_any_character_is_plain_ascii(text, expected):
    assert latex.escape(text).startswith(expected)


def test_docstrings_keep_their_code_lists_and_formulas():
    made = latex.docstring("Use `n_init` and *no* more.\n\n    a = b_1\n\n- one\n- two")
    assert "\\texttt{n\\_" in made and "\\emph{no}" in made and made.count("\\item") == 2
    assert "raggedright\n\\texttt{a = b\\_1}\n\\end{quote}" in made


def test_without_tex_it_says_so(made, tmp_path, monkeypatch, capsys):
    folder, job, _ = made
    monkeypatch.setattr(shutil, "which", lambda name: None)
    appendix.write_appendix(job, folder.parent / "tables", folder.parent / "figures", tmp_path / "appendix")
    assert capsys.readouterr().out.count("\n") == 1 and not (tmp_path / "appendix/appendix.pdf").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x\n! LaTeX Error: File `booktabs.sty' not found.\n", "package booktabs is missing"),
        ("! Font T1/ptm/m/n/10=ptmr8t at 10.0pt not loadable: Metric (TFM) file not found.\n", "package psnfss"),
        ("! Undefined control sequence.\nl.3 \\x\n", "! Undefined control sequence."),
    ],
)
def test_when_tex_fails_the_text_stays_and_a_line_says_why(made, tmp_path, monkeypatch, capsys, said, told):
    folder, job, _ = made
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/pdflatex")
    finished = subprocess.CompletedProcess([], 1, stdout=said.encode())
    monkeypatch.setattr(appendix.subprocess, "run", lambda *given, **how: finished)
    appendix.write_appendix(job, folder.parent / "tables", folder.parent / "figures", tmp_path / "appendix")
    (line,) = capsys.readouterr().out.splitlines()
    assert told in line and "appendix.tex is written" in line
    assert (tmp_path / "appendix/appendix.tex").exists() and not (tmp_path / "appendix/appendix.pdf").exists()


def test_numbers_that_belong_together_stay_together():
    assert latex.breakable("0.96 to 1.00") == "0.96\u00a0to\u00a01.00"
    assert latex.breakable("-0.10 to +0.05") == "−0.10\u00a0to\u00a0+0.05"
    assert latex.breakable("0.99 (0.98) 3/4") == "0.99\u00a0(0.98) 3/4"
    assert latex.breakable("0.92 ± 0.14") == "0.92\u00a0±\u00a00.14"
    assert latex.breakable("runs until ± 0.02") == "runs until ±\u00a00.02"
    wide = pd.DataFrame([["0.96 to 1.00"] * 12], columns=[f"column {i}" for i in range(12)])
    made = latex.table(wide)
    assert made.startswith("\\begin{landscape}") and made.count("0.96~to~1.00") == 12
    assert "landscape" not in latex.table(wide.iloc[:, :4])


needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex: the appendix is not compiled")


@needs_tex
def test_tex_makes_the_same_pdf_twice_and_nothing_sticks_out(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "a")
    shutil.copytree(made[0], tmp_path / "elsewhere")
    log = appendix.compile_pdf(tmp_path / "a")
    appendix.compile_pdf(tmp_path / "elsewhere")
    first = (tmp_path / "a/appendix.pdf").read_bytes()
    assert first.startswith(b"%PDF") and (tmp_path / "elsewhere/appendix.pdf").read_bytes() == first
    assert b"D:19700101" in first and "Output written" in log
    assert "Overfull" not in log and "/etc/passwd" not in log and "undefined" not in log


@needs_tex
def test_what_tex_refuses_is_one_line(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "a")
    (tmp_path / "a/numbers.tex").write_text("")
    with pytest.raises(ValueError, match=r"appendix.tex: pdflatex: ! Undefined control sequence"):
        appendix.compile_pdf(tmp_path / "a")
    assert not (tmp_path / "a/appendix.pdf").exists()
