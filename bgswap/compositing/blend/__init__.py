"""How edges mix: reach(width_px) and blend(foreground, alpha, background, ...), told in over.py."""
