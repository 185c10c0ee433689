"""Put a report's Table 1 into the README, the whole of it on a page, and what the studies made into reports/."""

import shutil
import sys
from pathlib import Path

from datasets.storage import write_text
from reports.compare import reference
from reports.origins import read_list
from reports.readme import details, insert, results
from runs.results import each_scored

from .entry import one_line_errors

PICTURES = Path("reports/gallery")
PAGE = Path("reports/table1.md")
STUDIES = {
    "replication": "reports",
    "fingerprints": "reports/fingerprints",
    "diagnosis": "reports/diagnosis",
    "true_partition": "reports/true_partition",
    "search": "reports/search",
}


def main(folder):
    """Copy the pictures that the README shows and the studies beside the reading's folder; write the generated part."""
    folder = Path(folder)
    page, short = details(folder, PICTURES.relative_to(PAGE.parent)), results(folder, PICTURES)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in ("figure2", "figure3", "strips_speech_commands"):
        shutil.copyfile(folder / f"figures/{name}.png", PICTURES / f"{name}.png")
    shutil.copyfile(folder / "tables/summary.csv", "results/reference/paper_summary.csv")
    reference(each_scored(read_list(folder)), PAGE.with_suffix(".csv"))
    for study, target in STUDIES.items():
        if (folder.parent / study).is_dir():
            no_copy = shutil.ignore_patterns("*.json", "*.jsonl", "*.pdf", ".snakemake*")
            shutil.copytree(folder.parent / study, target, dirs_exist_ok=True, ignore=no_copy)
    write_text(PAGE, page)
    insert("README.md", short)


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1])
