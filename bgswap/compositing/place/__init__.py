"""Where a person goes: find_place(outline, place, frame) -> Place."""
