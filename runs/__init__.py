"""One run from beginning to end: process, limits, resuming, GPU lease, record; then scores from clusters and labels."""
