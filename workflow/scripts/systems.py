"""Keep what the other systems gave in ``reports/systems/``.

A page that can't be kept is named, and the exit code is 1 then. With the name of a system only say in one line what its
kept page says.
"""

import sys
from pathlib import Path

from reports.systems import in_one_line, write_systems

from .entry import one_line_errors

if __name__ == "__main__":
    with one_line_errors():
        for name in sys.argv[1:]:
            sys.exit(print(in_one_line(Path(f"reports/systems/{name}.md")), end=""))
        kept, refused = write_systems(Path("results"), Path("reports/systems"))
        print("kept in reports/systems/:", ", ".join(kept) or "nothing")
        if refused:
            raise ValueError("left as they were: " + "; ".join(f"{name}: {why}" for name, why in refused.items()))
