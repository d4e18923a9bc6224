"""How edges mix: reach(width_px) and blend(...), told in over.py; prepare(...) where a way looks at the frame first."""
