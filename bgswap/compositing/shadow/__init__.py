"""Shadows: cast(outline, place) -> ShadowLayer or None; shade(layer, alpha, ...) -> light that is lost, 0..1."""
