"""RDDC's and DDC's settings, searched together: which matter, and what the best of them give."""

from ..command import main
from .page import report
from .trials import run

STUDY = {
    "rows": ["rddc", "ddc"],
    "case": "search",
    "cases": "trials.py",
    "writes": ["search.md"],
    "draws": ["importance", "rules"],
}

if __name__ == "__main__":
    main(__doc__, run, report)
