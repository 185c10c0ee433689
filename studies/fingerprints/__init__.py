"""Which form of the data did the authors have? All evidence that doesn't depend on a deep method, side by side.

The paper's text has lost most of its numbers, but not its baselines' cells, nor what it says of its data in words and
figures. So every *reading* of a data set (letters, newsgroups, lengths, filter banks, normalisation) is clustered as
the paper did, and ranked by how far its cells are from the published ones and how short it falls of the statements.

**The rows of RDDC, DDC and DEC take no part in it**, nor does any run of theirs: they are what the benchmark is to
test. Labels are used for scoring alone.

- `readings`: the readings of every data set
- `clustering`: k-means, Ward's linkage and spectral clustering, exact but cheap
- `evidence`: the published cells, the paper's statements as measurements, and the misfit of a reading
- `search`: two stages, every reading on a part of the sequences and the best ones on all; records as lines of JSON
- `page`: tables and a figure from the records

``python -m studies.fingerprints run arabic_digits`` adds records to ``<out>/arabic_digits.jsonl`` and leaves out what
is there already; ``python -m studies.fingerprints report`` writes the page. Everything is deterministic, on one core.
"""
