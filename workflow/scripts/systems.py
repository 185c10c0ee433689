"""Keep what the other systems gave in ``reports/systems/``."""

from pathlib import Path

from reports.systems import write_systems

from .entry import one_line_errors

if __name__ == "__main__":
    with one_line_errors():
        kept = write_systems(Path("results"), Path("reports/systems"))
        print("kept in reports/systems/:", ", ".join(kept) or "nothing, as nothing was run")
