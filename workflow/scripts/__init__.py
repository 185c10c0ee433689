"""Thin entry points, one for each rule."""
