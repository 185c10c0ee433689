"""Text, docstrings and tables as LaTeX in plain ASCII, whatever characters they hold."""

import re
import textwrap
import unicodedata

import numpy as np
from tabulate import LATEX_ESCAPE_RULES

BREAK = "\u200b"  # a place where a line may end
APART = "\u200c"  # keeps two characters from becoming one, as -- does a dash
LIGATURES = re.compile(r"-(?=-)|`(?=`)|'(?=')|,(?=,)|[!?](?=`)")
SYMBOLS = {
    "–": "--",
    "—": "---",
    "±": "$\\pm$",
    "ᵀ": "$^\\top$",
    "“": "``",
    "”": "''",
    "’": "'",
    "…": "\\dots{}",
    "‖": "$\\|$",
    "·": "$\\cdot$",
    "−": "$-$",
    "×": "$\\times$",
    "²": "$^2$",
    "←": "$\\leftarrow$",
    "→": "$\\to$",
    "≠": "$\\neq$",
    "≤": "$\\leq$",
    "≥": "$\\geq$",
    "∞": "$\\infty$",
    "√": "$\\surd$",
    "†": "\\dag{}",
    "Σ": "$\\Sigma$",
    "\u00a0": "~",
    BREAK: "\\allowbreak{}",
    APART: "{}",
}
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030c": "v", "\u0327": "c"}
GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "mu", "nu", "pi", "rho", "sigma", "tau")
GREEK += ("phi", "chi", "psi", "omega")
LINE, LONG = 138, 206  # characters of a table's type in a line of 17.8 cm, and across a page that lies on its side
INLINE = re.compile(r"``(.+?)``|`(.+?)`|\*(\S[^*]*)\*", re.DOTALL)


def escape(text):
    """Text with what LaTeX would take for a command escaped; a character that it has not is called by its name."""
    apart = LIGATURES.sub(f"\\g<0>{APART}", unicodedata.normalize("NFC", text))
    return "".join(map(character, apart))


def character(char):
    """One character as LaTeX."""
    if known := (LATEX_ESCAPE_RULES | SYMBOLS).get(char):
        return known
    if char.isascii() or not char.isprintable():
        return char if char.isprintable() else " "
    name = unicodedata.name(char, f"U+{ord(char):04X}")
    letter = name.rpartition(" ")[2].lower().replace("lamda", "lambda")
    if name.startswith("GREEK SMALL LETTER") and letter in (*GREEK, "lambda"):
        return f"$\\{letter}$"
    base, *marks = unicodedata.normalize("NFD", char)
    if base.isascii() and len(marks) == 1 and marks[0] in ACCENTS:
        return f"\\{ACCENTS[marks[0]]}{{{base}}}"
    return f"[{name.lower()}]"


def breakable(text):
    """A cell's text: a minus sign is one, a long word may end a line after punctuation or, as a digest, anywhere.

    Numbers that belong together, an interval or ACC (NMI), stay in one line.
    """

    def pieces(word):
        marked = re.sub(r"([_./=+,:)-])(?=\w)", rf"\1{BREAK}", word[0])
        return re.sub(r"\w{8}(?=\w{8})", rf"\g<0>{BREAK}", marked) if re.search(r"\w{24}", marked) else marked

    text = re.sub(r"(?<=\d)( to | ± | )(?=[-+(]?\d)|(?<=±) (?=\d)", lambda found: found[0].replace(" ", "\u00a0"), text)
    return re.sub(r"[^\s\u00a0]{12,}", pieces, re.sub(r"(?<!\S)-(?=\d)", "−", text))


def table(strings, notes=()):
    """A table of strings with `notes` below, as wide as a line at most and as long as it needs; a word without rows.

    One whose columns would wrap within a number lies across pages on their side. Needs the packages array, booktabs,
    longtable and lscape.

    Parameters
    ----------
    strings : DataFrame
    notes : list of str

    Returns
    -------
    str
    """
    if strings.empty:
        return "None.\n"
    above, names = grouped(list(map(str, strings.columns)))
    rows = [[breakable(str(cell)) for cell in row] for row in [names, *strings.to_numpy()]]
    columns = list(zip(*rows, strict=True))
    line = LINE if sum(map(least, columns)) <= LINE else LONG
    begin, end = ("", "") if line == LINE else ("\\begin{landscape}\n", "\n\\end{landscape}")
    parts = widths(columns, line)
    column = ">{{\\raggedright\\hspace{{0pt}}}}p{{\\dimexpr {:.6f}\\linewidth-2\\tabcolsep\\relax}}"
    # The empty group keeps a first cell that begins with [ or * from being an argument of the line before.
    heading, *lines = ("{}" + " & ".join(map(escape, row)) + " \\tabularnewline" for row in rows)
    return "\n".join(
        [
            f"{begin}{{\\scriptsize\\setlength{{\\tabcolsep}}{{2pt}}",
            f"\\begin{{longtable}}[l]{{{''.join(map(column.format, parts))}}}",
            "\\toprule",
            above + heading,
            "\\midrule",
            "\\endhead",
            "\\bottomrule",
            "\\endlastfoot",
            *lines,
            "\\end{longtable}",
            *(f"\\par\\noindent {escape(breakable(note))}" for note in notes),
            f"\\par}}{end}",
            "",
        ]
    )


def grouped(names):
    """The line above the headings that says whose numbers stand side by side, ours and the paper's, and the headings.

    It is empty where no column is the paper's.
    """
    above, below = [], list(names)
    for i, name in enumerate(names):
        if names[i + 1 : i + 2] == [f"{name}, paper"]:
            below[i : i + 2] = ["ours", "paper"]
            above.append(f"\\multicolumn{{2}}{{l}}{{{escape(name)}}}")
        elif below[i] == name:
            above.append("")
    return " & ".join(above) + " \\tabularnewline\n" if any(above) else "", below


def least(column):
    """Characters of a column's longest word, and two more: the space between columns, and letters that are wider."""
    return 2 + max(len(piece) for cell in column for piece in re.split(rf"[ \n{BREAK}]", cell))


def widths(columns, line=LINE):
    """Share of the line for every column of strings: what its cells need, or less where the line is too short.

    Parameters
    ----------
    columns : list of sequence of str
        The first string is the heading, whose words may stand below each other.
    line : int
        Characters of a line.

    Returns
    -------
    list of float
        The sum is at most 1.
    """
    needed = [least(column) for column in columns]
    cells = [2 + max(map(len, column[1:]), default=0) for column in columns]
    whole = [max(2 + len(column[0]), cell) for column, cell in zip(columns, cells, strict=True)]
    wanted = list(needed)
    for wish in (cells, whole):  # as much for all, but no more than one asks for
        spare, asked = max(0, line - sum(wanted)), [max(0, w - own) for w, own in zip(wish, wanted, strict=True)]
        for place, i in enumerate(np.argsort(asked, kind="stable")):
            more = min(asked[i], spare / (len(asked) - place))
            wanted[i], spare = wanted[i] + more, spare - more
    return [width / max(line, sum(wanted)) for width in wanted]


def inline(text):
    """Text with the marks of a docstring: code in backticks, emphasis between asterisks."""
    parts, end = [], 0
    for found in INLINE.finditer(text):
        code = found[1] or found[2]
        marked = f"\\texttt{{{escape(breakable(code))}}}" if code else f"\\emph{{{escape(found[3])}}}"
        parts += [escape(breakable(text[end : found.start()])), marked]
        end = found.end()
    return "".join([*parts, escape(breakable(text[end:]))])


def docstring(text):
    """A docstring's paragraphs, lists and indented formulas."""
    made = []
    for block in re.split(r"\n\s*\n", textwrap.dedent(text).strip("\n")):
        if block.startswith("    "):
            lines = (f"\\texttt{{{escape(line.strip())}}}" for line in block.splitlines())
            made.append("\\begin{quote}\\footnotesize\\raggedright\n" + " \\\\\n".join(lines) + "\n\\end{quote}")
        elif block.startswith("- "):
            items = (f"\\item {inline(item)}" for item in re.split(r"^- ", block, flags=re.MULTILINE)[1:])
            made.append("\\begin{itemize}\n" + "\n".join(items) + "\n\\end{itemize}")
        else:
            made.append(inline(block))
    return "\n\n".join(made) + "\n"
