"""A person's colors: harmonize(scene) -> ColorMap, or None for no change; strength is set by who asks."""
