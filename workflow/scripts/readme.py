"""Put a report's Table 1, its budget and a figure into the README, between its markers."""

import shutil
import sys
from pathlib import Path

from reports.readme import insert, results

from .entry import one_line_errors

PICTURES = Path("reports/gallery")


def main(folder):
    """Copy the pictures that the README shows and write its generated part."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in ("figure2", "strips_speech_commands"):
        shutil.copyfile(Path(folder) / f"figures/{name}.png", PICTURES / f"{name}.png")
    shutil.copyfile(Path(folder) / "tables/summary.csv", "results/reference/paper_summary.csv")
    insert("README.md", results(Path(folder), PICTURES))


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1])
