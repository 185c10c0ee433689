"""Studies: questions asked of the data beside the benchmark; nothing depends on them."""
