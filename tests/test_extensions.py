from importlib import metadata

import pytest

from bgswap import extensions
from bgswap.errors import UsageError

FOLDERS = [
    "bgswap.matting.refine",
    "bgswap.inpainting.ways",
    "bgswap.compositing.place",
    "bgswap.compositing.harmonize",
    "bgswap.compositing.shadow",
    "bgswap.compositing.blend",
    "bgswap.augmentation.methods",
    "bgswap.augmentation.layouts",
    "bgswap.zoo.runners",
    "bgswap.evaluation.metrics",
    "bgswap.evaluation.baselines",
    "bgswap.evaluation.tables",
    "bgswap.training.recipes",
]


@pytest.mark.parametrize("package", FOLDERS)
def test_every_choice_imports_and_its_help_line_is_its_docstrings_first_line(package):
    for name in extensions.names(package):
        module = extensions.load(package, name)
        first = (module.__doc__ or "").splitlines()[0]
        assert extensions.summary(package, name) == first


def test_an_unknown_choice_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"closed-form, guided, information-flow, knn, none"):
        extensions.load("bgswap.matting.refine", "magic")


def test_an_installed_package_joins_by_entry_point(monkeypatch):
    point = metadata.EntryPoint("mine", "bgswap.matting.refine.none", "bgswap.matting.refine")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == point.group else [])
    extensions._plugins.cache_clear()
    try:
        assert "mine" in extensions.names("bgswap.matting.refine")
        assert extensions.load("bgswap.matting.refine", "mine").refine
        assert "bgswap.matting.refine.none" in extensions.summary("bgswap.matting.refine", "mine")
    finally:
        extensions._plugins.cache_clear()
