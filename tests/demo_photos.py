"""Copy the demo's photo and place out of installed packages: python tests/demo_photos.py DIR

The photo is scikit-image's astronaut (NASA, public domain); the place scikit-learn's china.jpg
(danielbuechele, CC BY 2.0).
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

PICTURES = {"astronaut.png": ("skimage", "data"), "china.jpg": ("sklearn", "datasets/images")}


def package_file(package: str, below: str) -> Path:
    """A file inside an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: pip install 'bgswap[demo]'")
    return Path(spec.origin).parent / below


def main(folder: Path) -> None:
    """Write both pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, below) in PICTURES.items():
        shutil.copyfile(package_file(package, below) / name, folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
