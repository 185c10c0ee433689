"""How all figures for print look, and how they are saved.

Widths are those of a column (3.4 in) and of a page (7 in) of the conference's format, without trimming, so that type
keeps its size in print. It is as large as text of 10 pt, whose letters without ascenders are as high as those of this
font at 8.2 pt, and of one size everywhere; colours are safe for the colour-blind; equal data give equal bytes.
"""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import LogFormatter

from datasets.storage import whole_file
from datasets.text import one_line

COLUMN, PAGE = 3.4, 7.0  # inches
SIZE = 8.5  # points
# Okabe and Ito's palette, black last.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#6A3D9A", "#000000"]
STYLE = {
    **dict.fromkeys(("font.size", "axes.titlesize", "figure.labelsize", "figure.titlesize"), SIZE),
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "fixed",
    "text.parse_math": False,  # a class may be called $5_$10
    "pdf.fonttype": 42,
}


def plain(name, most=40):
    """A name from data as a figure may show it: in one line of at most `most` characters that its font has."""
    known = get_font(findfont(FontProperties())).get_charmap()
    shown = "".join(c if ord(c) in known else f"[{ord(c):X}]" for c in one_line(name))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def add_legend(owner, handles, names, **how):
    """A legend of a figure or of axes with all of `names`: matplotlib leaves out those that begin with ``_``."""
    made = owner.legend(handles, ["name"] * len(names), **how)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(name)
    return made


def log_scale(axes, which):
    """Make the x or y axis logarithmic, with numbers at its ticks: its own are formulas, shown raw."""
    axes.set(**{f"{which}scale": "log"})
    axis = getattr(axes, f"{which}axis")
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(LogFormatter())


def save(figure, path):
    """Write `figure` as PNG (300 dpi) and PDF, without dates."""
    for ending, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None, "Creator": None})):
        with plt.rc_context(STYLE), whole_file(path.with_suffix(ending)) as temporary:  # some text is made only now
            figure.savefig(temporary, dpi=300, metadata=metadata)
        # Laying out takes as long as drawing: the second file takes the first one's.
        figure.set_layout_engine("none")
    plt.close(figure)


def grid(count, columns, height):
    """A figure of a page's width with `count` panels, each `height` inches high; the rest of the last row is blank.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : ndarray of Axes, shape (count,)
    """
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(PAGE, height * rows), layout="constrained", squeeze=False)
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, axes.flat[:count]
