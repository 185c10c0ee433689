"""Which runs happen when; the science is in `datasets`, `methods` and `reports`."""
