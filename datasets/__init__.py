"""Data sets: one file each, found by its name; nothing else to register."""
