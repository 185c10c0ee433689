"""Names that people give, whatever their characters mean to a library: as they are and in one line everywhere."""

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from test_figures import ONE, N, job

from datasets.fetch import DataError
from datasets.sequences import Sequences, stratified_split
from datasets.storage import write_json
from datasets.text import one_line
from methods.base import InvalidInput
from reports import embedding, latex, plots, run_figures, scatters, style, tables
from reports.data import Data
from reports.page import table
from reports.reading import write_report
from workflow.catalogue import ConfigError

# A name and how a message, a figure and LaTeX show it; None: as it is.
NAMES = {
    "$5_$10": (None, None, r"\$5\_\$10"),
    "$x^2$": (None, None, r"\$x\^{}2\$"),
    "_silence_": (None, None, r"\_silence\_"),
    r"\frac{1}{": (None, None, r"\textbackslash{}frac\{1\}\{"),
    "<b>a</b>": (None, None, r"\ensuremath{<}b\ensuremath{>}a\ensuremath{<}/b\ensuremath{>}"),
    "a | b & c": (None, None, r"a | b \& c"),
    "*a* `b` ~~c~~": (None, None, r"*a* `b` \textasciitilde{}\textasciitilde{}c\textasciitilde{}\textasciitilde{}"),
    "50 % #1": (None, None, r"50 \% \#1"),
    "a--b ``c''": (None, None, "a-{}-b `{}`c'{}'"),
    "&lt;": (None, None, r"\&lt;"),
    "{x}": (None, None, r"\{x\}"),
    "two\nlines\u2028or\x85three": ("two lines or three", "two lines or three", "two lines or three"),
    "\ttab  ": ("tab", "tab", "tab"),
    "\x00\x1b[31m": (r"\x00\x1b[31m", r"\x00\x1b[31m", "[31m"),
    "a\u202eb": (r"a\u202eb", r"a\u202eb", "a b"),
    "日本": (None, "[65E5][672C]", "[cjk unified ideograph-65e5][cjk unified ideograph-672c]"),
    "é ß": (None, None, r"\'{e} [latin small letter sharp s]"),
}
LINES = {name: name if shown is None else shown for name, (shown, _, _) in NAMES.items()}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_in_each_place(name):
    line, (_, figure, tex) = LINES[name], NAMES[name]
    assert one_line(name) == line
    assert style.plain(name) == (line if figure is None else figure)
    assert latex.escape(name).split() == tex.split()
    assert html.unescape(plots.text(name)) == html.unescape(plots.short(name)) == line
    assert "<" not in plots.text(name)
    for error in (DataError, InvalidInput, ConfigError):
        assert str(error(f"file: {name!r} and {name}")).endswith(f"and {line}")
    cell = tables.as_markdown(name)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell) == line
    assert not re.search(r"(?<!\\)(\\\\)*[`*<|$~]|^_|(?<!\\)_$", cell)
    strings = pd.DataFrame({"class": [name], "n": ["1"]})
    assert len(tables.markdown(strings).splitlines()) == 3
    found = re.search(r"<tbody><tr><td>(.*?)</td><td>1</td>", table(strings), re.DOTALL)[1]
    assert html.unescape(found) == line and "<" not in found


@pytest.fixture(scope="module")
def data():
    labels = np.arange(N) % len(NAMES)
    arrays = [np.random.default_rng(i).normal(label, 1, (4 + i % 5, 2)) for i, label in enumerate(labels)]
    sequences = Sequences.from_list(arrays, stratified_split(labels, 0, "x", (0.5, 0, 0.5)))
    return Data(sequences, labels, {"classes": list(NAMES)})


def test_a_legend_has_all_names_and_no_figure_takes_them_for_mathematics(data, tmp_path):
    plane = embedding.plane(data.sequences, "x")
    shown = [style.plain(name) for name in NAMES]
    drawn = scatters.figure2(data, *plane, data.labels, None)
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == shown
    matrices = run_figures.confusion([("$k$-means_", data.labels, data.labels)], list(NAMES))
    assert [text.get_text() for text in matrices.axes[0].get_yticklabels()] == [style.plain(n, 12) for n in NAMES]
    for name, figure in (("a", drawn), ("b", matrices)):
        style.save(figure, tmp_path / name)  # which draws them; a glyph that isn't there is a warning, so an error
        assert not any("$" in text.get_text() and text.get_parse_math() for text in figure.findobj(Text))


def test_a_report_on_classes_and_identifiers_with_such_names(data, tmp_path):
    asked = job(tmp_path, [ONE], data)
    sheet = json.loads((tmp_path / "data/speech_commands.json").read_text())
    sheet |= {"source": sheet["source"] | {"origin": "own"}, "settings": {"k": None}}
    named = {"classes": list(NAMES), "identifiers": [f"{name}{i}" for i, name in enumerate([*NAMES] * 4)][:N]}
    write_json(tmp_path / "data/speech_commands.json", sheet | named)
    made = [tmp_path / name for name in ("report.html", "tables", "figures", "clusters")]
    with ThreadPoolExecutor() as beside:
        write_report(asked, *made, beside)
    drawn = json.loads(re.search(r'id="figures">(.*?)</script>', made[0].read_text())[1])
    (label,) = [way for way in drawn["scatter/speech_commands"]["points"]["ways"] if way["name"] == "label"]
    assert list(map(html.unescape, label["names"][:-1])) == list(LINES.values())
    for line in (tmp_path / "tables/controls.md").read_text().splitlines():
        assert line.isprintable()
