"""Ways to fill a small picture: fill(photo (h, w, 3) uint8, hole (h, w) bool, *, seed) -> (h, w, 3) uint8."""
