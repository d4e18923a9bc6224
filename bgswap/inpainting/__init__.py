"""Fill the hole that a person leaves: hole.py says where, ways/ with what, fill.py brings it back at full size."""
