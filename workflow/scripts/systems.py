"""Keep what the other systems gave in ``reports/systems/``, and what the suite says in the README."""

from pathlib import Path

from reports.readme import insert, of_suite
from reports.systems import write_systems

from .entry import one_line_errors

if __name__ == "__main__":
    with one_line_errors():
        kept = write_systems(Path("results"), Path("reports/systems"))
        if "suite" in kept:
            said = of_suite(Path("reports/systems/suite.md"))
            insert("README.md", said, "<!-- suite:begin -->", "<!-- suite:end -->")
        print("kept in reports/systems/:", ", ".join(kept) or "nothing, as nothing was run")
