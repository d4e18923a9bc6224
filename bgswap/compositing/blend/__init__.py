"""How edges mix: reach(width_px) and blend(...), told in over.py; prepare(small, model, frame) looks at it all."""
