"""The one model-zoo loader: names, files and run folders become something to call (loader.py)."""

import os

# onnxruntime would keep a telemetry database in the user's cache folder: it looks at this once, when it is imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
