"""Text from files and from people in one line, for whatever shows it: messages, logs, tables, figures."""

JOINERS = "\u200c\u200d"  # unseen, and a part of how some scripts are written


def one_line(text):
    """`text` in one line: white space becomes single spaces, what can't be printed its escape, such as ``\\x00``."""
    seen = (c if c.isprintable() or c.isspace() or c in JOINERS else ascii(c)[1:-1] for c in str(text))
    return " ".join("".join(seen).split())
