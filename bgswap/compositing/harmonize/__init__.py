"""A person's colors: harmonize(foreground, alpha, background), small and 0..1 -> a ColorMap's grid, or None."""
