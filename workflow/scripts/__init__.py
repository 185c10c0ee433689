"""Thin entry points, one for each rule."""

import sys
from pathlib import Path

# `python -m` puts the folder where one works before all others; a file random.py there is no module of anybody's.
if sys.argv[0] == "-m" and not sys.flags.safe_path and Path(sys.path[0]).resolve() != Path(__file__).parents[2]:
    del sys.path[0]
