"""The one model-zoo loader: names, files and run folders become something to call (loader.py)."""
