"""The page: one self-contained HTML file that needs no network, and whose tables need no script either.

page.css and page.js lie beside this file. All data of the figures are one block of JSON; the page's policy lets nothing
but the two scripts that are written into it run, and nothing be loaded.
"""

import base64
import hashlib
import html
import json
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import plotly.offline

from datasets.text import one_line

HERE = Path(__file__).parent
NO_SCRIPT = "Without JavaScript this page has its tables; the figures lie in the folder figures beside it."


def table(frame, choose=(), charts=None, shades=None):
    """A DataFrame of strings as an HTML table; everything is escaped.

    Parameters
    ----------
    frame : DataFrame
    choose : sequence of str
        Columns that page.js offers as filters, beside a search in all text; without any the table is only sortable.
    charts : (str, str, list of str), optional
        Name of a column of HTML such as `forest` makes, name of the column that it stands before, and its cells.
    shades : DataFrame, optional
        Some of the columns as numbers from 0 to 1, which colour their cells; NaN leaves one blank.
    """
    if frame.empty:
        return "<p>None.</p>"
    names = [f"<th{' data-choose' * (name in choose)}>{html.escape(str(name))}</th>" for name in frame.columns]
    shades = pd.DataFrame(index=range(len(frame)), columns=frame.columns) if shades is None else shades
    shades = shades.reindex(columns=frame.columns).to_numpy(float)
    lines = [
        [f"<td{shade(depth)}>{html.escape(one_line(value))}</td>" for value, depth in zip(*row, strict=True)]
        for row in zip(frame.itertuples(index=False), shades, strict=True)
    ]
    if charts:
        name, before, drawn = charts
        place = frame.columns.get_loc(before)
        names.insert(place, f'<th class="chart">{html.escape(name)}</th>')
        for line, chart in zip(lines, drawn, strict=True):
            line.insert(place, f"<td>{chart}</td>")
    head, *rows = (f"<tr>{''.join(line)}</tr>" for line in [names, *lines])
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def shade(depth):
    """The style of a cell as deep as a number from 0 to 1 says; none for NaN."""
    share = round(70 * min(max(depth, 0), 1)) if depth == depth else 0
    return f' style="background:color-mix(in srgb, var(--c0) {share}%, var(--paper))"' if share else ""


def forest(ours, low, high, published):
    """Ours as a ring on its interval beside the published value as a bar, from 0 to 1; NaN for what there is not."""
    there = [
        (ours, f'<path class="axis" d="M0 7H100"/><path class="own" d="M{100 * low:.1f} 7H{100 * high:.1f}"/>'),
        (published, f'<path class="published" d="M{100 * published:.1f} 1V13"/>'),
        (ours, f'<circle class="own" cx="{100 * ours:.1f}" cy="7" r="3.5"/>'),
    ]
    drawn = "".join(mark for value, mark in there if value == value)
    return f'<svg class="forest" viewBox="-5 0 110 14" width="90" height="14" aria-hidden="true">{drawn}</svg>'


def image(path, caption):
    """A PNG file of 300 dpi inside the page, at half its pixels: sharp on any screen, type of one size throughout."""
    png = Path(path).read_bytes()
    width = int.from_bytes(png[16:20], "big") // 2  # the header's first field
    data = base64.b64encode(png).decode()
    text = html.escape(caption)
    shown = f'<img width="{width}" alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{shown}<figcaption>{text}</figcaption></figure>"


def plot(name, caption, way=""):
    """Where page.js draws the figure `name`; `way` is how a scatter is coloured at first, ``first`` or ``last``."""
    place = f'<div class="plot" data-figure="{html.escape(name)}" data-way="{way}"></div>'
    return f"<figure><figcaption>{html.escape(caption)}</figcaption>{place}</figure>"


def grid(pieces, kind=""):
    """Pieces side by side, as many as fit; a ``pair`` is wider."""
    return f'<div class="grid {kind}">{"".join(pieces)}</div>' if pieces else ""


def notes(sentences):
    """Footnotes."""
    return "".join(f'<p class="note">{html.escape(sentence)}</p>' for sentence in sentences)


def lines(items):
    """What is said first: a word and its text each, or a list of (text, address) for links within the folder."""

    def link(text, address):
        return f'<a href="{html.escape(quote(address))}">{html.escape(one_line(text))}</a>'

    made = ""
    for word, said in items:
        shown = html.escape(one_line(said)) if isinstance(said, str) else ", ".join(link(*to) for to in said)
        made += f"<dt>{html.escape(word)}</dt><dd>{shown}</dd>"
    return f'<dl class="answer">{made}</dl>'


def block(figures):
    """Figures as JSON inside a script element, which no text of theirs can close."""
    made = json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="figures">{made}</script>'


def page(heading, headline, sections, figures=None):
    """The whole page.

    Parameters
    ----------
    heading, headline : str
    sections : list of (str, list of str)
        Title, and pieces of HTML that the functions above made.
    figures : dict of str to dict, optional
        What `plot` refers to, as `reports.plots` makes them.
    """
    body = "".join(
        f'<section><h2 id="part{number}">{html.escape(name)}</h2>{"".join(pieces)}</section>'
        for number, (name, pieces) in enumerate(sections)
    )
    links = " ".join(f'<a href="#part{number}">{html.escape(name)}</a>' for number, (name, _) in enumerate(sections))
    scripts = [plotly.offline.get_plotlyjs(), (HERE / "page.js").read_text(encoding="utf-8")]
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    policy = f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {hashes}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(heading)}</title>"
        f"<style>{(HERE / 'page.css').read_text(encoding='utf-8')}</style></head>"
        f"<body><header><h1>{html.escape(heading)}</h1><p>{html.escape(headline)}</p>"
        f'<noscript><p class="note">{NO_SCRIPT}</p></noscript><nav>{links}</nav></header>'
        f"<main>{body}</main>{block(figures or {})}"
        + "".join(f"<script>{script}</script>" for script in scripts)
        + "</body></html>\n"
    )
