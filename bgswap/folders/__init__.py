"""Everything that touches the disk: pictures, records, and the run that every command goes through (pipeline.py)."""
