"""Set a person into a place: decide.py on small pictures, compose.py on the original pixels, strip by strip."""
