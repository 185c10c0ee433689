"""The report: one self-contained HTML file that needs neither network nor script."""

import base64
import html
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 72rem; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { background: var(--soft); white-space: normal; vertical-align: bottom; }
td:last-child { white-space: normal; min-width: 6rem; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; background: white; padding: .3rem; }
figcaption, .note { font-size: 13px; opacity: .85; }
nav { font-size: 13px; } nav a { margin-right: 1rem; white-space: nowrap; }
"""


def table(frame):
    """A DataFrame of strings as an HTML table; everything is escaped."""
    if frame.empty:
        return "<p>None.</p>"
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in frame.columns)
    rows = (
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def image(path, caption):
    """A PNG file of 300 dpi inside the page, at half its pixels: sharp on any screen, type of one size throughout."""
    png = Path(path).read_bytes()
    width = int.from_bytes(png[16:20], "big") // 2  # the header's first field
    data = base64.b64encode(png).decode()
    text = html.escape(caption)
    shown = f'<img width="{width}" alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{shown}<figcaption>{text}</figcaption></figure>"


def notes(sentences):
    """Footnotes."""
    return "".join(f'<p class="note">{html.escape(sentence)}</p>' for sentence in sentences)


def page(heading, headline, sections):
    """The whole page.

    Parameters
    ----------
    heading, headline : str
    sections : list of (str, list of str)
        Title, and pieces of HTML that `table`, `image` and `notes` made.
    """
    body = "".join(
        f'<h2 id="part{number}">{html.escape(name)}</h2>{"".join(pieces)}'
        for number, (name, pieces) in enumerate(sections)
    )
    links = " ".join(f'<a href="#part{number}">{html.escape(name)}</a>' for number, (name, _) in enumerate(sections))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(heading)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{html.escape(heading)}</h1><p>{html.escape(headline)}</p><nav>{links}</nav>{body}</body></html>\n"
    )
