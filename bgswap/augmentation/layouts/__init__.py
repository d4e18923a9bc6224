"""Layouts of known data sets: read(root) -> records, a photo each, with what else the set holds by role."""
