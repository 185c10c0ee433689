"""Generated results between two markers of the README, so that no number there is typed."""

import re
from pathlib import Path

from datasets.storage import write_text

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def insert(readme, text):
    """Put `text` between the markers of the file `readme`; ``ValueError`` when a marker is missing or out of order."""
    before = Path(readme).read_text(encoding="utf-8")
    found = re.fullmatch(f"(.*{BEGIN}\n).*({END}.*)", before, re.DOTALL)
    if not found:
        raise ValueError(f"{readme}: the markers {BEGIN} and {END} are not there, in this order")
    write_text(readme, f"{found[1]}{text}{found[2]}")
