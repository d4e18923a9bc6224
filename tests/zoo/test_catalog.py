"""catalog.toml against the installed rembg, whose sources are read, not imported (that compiles for 40 s)."""

import ast
import importlib.util
from pathlib import Path

import pytest

from bgswap import extensions
from bgswap.errors import UsageError
from bgswap.zoo import catalog
from bgswap.zoo.checksum import Digests

REMOTE = {"withoutbg", "atlascloud"}
OWN = {"people", "transform", "lama"}
FEATURES = {
    "alexnet",
    "vgg16",
    "vgg19",
    "squeezenet1_1",
    "resnet18",
    "resnet34",
    "resnet50",
    "inception-fid",
    "lpips-alex",
    "lpips-vgg",
    "lpips-squeeze",
    "dists",
}


LARGER = {"people", "transform", "ffc-inpaint"}
SMALL = {f"{name}-small" for name in set(extensions.names("bgswap.training.recipes")) - LARGER}


def rembg_sources() -> dict[str, tuple[str, ast.Module]]:
    """Session name -> its source and tree, for sessions that fetch a file."""
    spec = importlib.util.find_spec("rembg")
    sessions = Path(spec.submodule_search_locations[0]) / "sessions"
    found = {}
    for path in sessions.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name == "name" and "pooch.retrieve" in text:
                returned = function.body[-1]
                if isinstance(returned, ast.Return) and isinstance(returned.value, ast.Constant):
                    found[returned.value.value] = (text, tree)
    return found


REMBG = rembg_sources()


def strings(tree: ast.Module) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_local_model_of_rembg_that_has_a_file_is_in_the_catalog():
    assert len(REMBG) >= 16
    assert set(REMBG) | OWN | FEATURES | SMALL == set(catalog.catalog())


def test_no_remote_service_is_a_model():
    assert not REMOTE & set(catalog.catalog())
    urls = [url for card in catalog.catalog().values() for file in card.files for url in file.urls]
    assert urls
    assert all(url.startswith(("https://github.com/", "https://download.pytorch.org/models/")) for url in urls)


@pytest.mark.parametrize("name", sorted(set(REMBG) - {"sam"}))
def test_address_checksum_and_file_name_are_those_that_rembg_publishes(name):
    card, told = catalog.by_name(name), strings(REMBG[name][1])
    (url,) = card.urls
    assert url in told
    assert f"sha256:{card.sha256}" in told if card.sha256 else f"md5:{card.md5}" in told
    assert card.file == f"{name}.onnx"
    assert len({text for text in told if text.startswith(("md5:", "sha256:"))}) == 1


def test_both_files_of_sam_have_rembgs_addresses_and_checksums():
    text, tree = REMBG["sam"]
    for file in catalog.by_name("sam").files:
        assert f'"{file.file}": "md5:{file.md5}"' in text
        assert file.urls == (f"https://github.com/danielgatis/rembg/releases/download/v0.0.0/{file.file}",)
    assert "https://github.com/danielgatis/rembg/releases/download/v0.0.0/" in strings(tree)
    assert list(catalog.by_name("sam").parts("cpu")) == ["encoder", "decoder"]


@pytest.mark.parametrize("name", sorted(set(REMBG) - {"sam"}))
def test_the_input_is_prepared_as_rembg_prepares_it(name):
    spec = catalog.by_name(name).input
    source = "birefnet-general" if name.startswith("birefnet") else name  # the others inherit from it
    calls = [
        n for n in ast.walk(REMBG[source][1]) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "normalize"
    ]
    _, mean, std, size = (ast.literal_eval(one) if i else None for i, one in enumerate(calls[0].args))
    assert (spec.mean, spec.std, (spec.side, spec.side)) == (mean, std, size)
    assert (spec.fit, spec.filter, spec.divide) == ("stretch", "lanczos", "max")
    assert catalog.by_name(name).output.activation == ("sigmoid" if "self.sigmoid" in REMBG[source][0] else "none")


def test_the_default_model_needs_no_download_and_may_be_used_at_work():
    people = catalog.by_name("people")
    assert (people.license, people.commercial, people.urls) == ("MIT", True, ())
    assert people.parts("cpu")["model"].file == "people.onnx"
    assert people.parts("cuda:0")["model"].file == "people.safetensors"


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(UsageError, match=r"No model is called 'u2nett'. Did you mean u2net or u2netp"):
        catalog.by_name("u2nett")


def test_a_users_row_joins_ours_and_its_path_starts_at_the_catalog(own_catalog):
    path = own_catalog('[mine]\nfile = "./nets/mine.onnx"\ninput = { side = 512, mean = [0, 0, 0] }\n')
    card = catalog.by_name("mine")
    assert card.file == str(path.parent / "nets" / "mine.onnx")
    assert (card.input.side, card.input.mean, card.license) == (512, (0.0, 0.0, 0.0), "unknown")
    assert "people" in catalog.catalog()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('[mine]\nfile = "a.onnx"\nlicence = "MIT"', r"\[mine\]: unknown key 'licence'. Did you mean 'license'"),
        ('[mine]\nfile = "a.onnx"\ninput = { sides = 3 }', r"\[mine\] input: unknown key 'sides'. Did you mean 'side'"),
        ('[mine]\nfile = "a.onnx"\ninput = { side = "3" }', "'side' is '3': expected int"),
        ('[mine]\nfile = "a.onnx"\ninput = { mean = [1, 2] }', "'mean' must be a list of 3 numbers"),
        ('[mine]\nfile = "a.onnx"\ninput = { fit = "pad" }', "'fit' is 'pad': choose one of stretch, longest"),
        ('[mine]\nfile = "a.onnx"\nsha256 = "12"', "'sha256' is not 64 lower-case hexadecimal digits"),
        ('[mine]\nlicense = "MIT"', r"give either 'file'"),
        ('[[mine.files]]\nmd5 = "60024c5c889badc19c04ad937298a77b"', "'file' is missing"),
        ('["../mine"]\nfile = "a.onnx"', "name has letters, digits"),
        ('mine = 3', "'mine' stands outside a model's table"),
        ("[mine", "cannot be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_users_catalog_is_named(own_catalog, row, message):
    path = own_catalog(row)
    with pytest.raises(UsageError, match=message) as caught:
        catalog.catalog()
    assert str(path) in str(caught.value)


def test_a_file_is_known_by_its_checksum_whatever_it_is_called():
    u2netp = catalog.by_name("u2netp")
    assert catalog.by_checksum(Digests("0" * 64, u2netp.md5)) == u2netp
    assert catalog.by_checksum(Digests("0" * 64, "1" * 32)) is None
