"""Shadows: cast(scene) -> ShadowLayer or None; room(...) and shade(...) draw it, told in cast.py."""
