"""`bgswap models` and `bgswap doctor`, as typed."""

import hashlib
import sys

import pytest
from click.testing import CliRunner

from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.zoo import doctor as doctor_module
from bgswap.zoo import store
from bgswap.zoo.catalog import by_name, catalog
from bgswap.zoo.command import doctor, models

DATA = b"weights of a tiny network"


def typed(command, *arguments):
    result = CliRunner().invoke(command, arguments, catch_exceptions=True)
    if isinstance(result.exception, BgswapError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def tiny(own_catalog, web, monkeypatch):
    """A model of the user's own catalog whose file is on the mirror only."""
    sha256 = hashlib.sha256(DATA).hexdigest()
    own_catalog(f'[tiny]\nabout = "a [bold]test[/bold]"\nfile = "tiny.onnx"\nsha256 = "{sha256}"\n')
    web.files["/tiny.onnx"] = DATA
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    return by_name("tiny")


def test_list_has_a_plain_line_for_every_model_and_simple_lamas_install_line():
    lines = [line.split("\t") for line in typed(models, "list").splitlines()]
    assert [line[0] for line in lines] == [*catalog(), "simple-lama"]
    assert all(len(line) == 6 for line in lines)
    assert lines[0][:3] == ["people", "matte", "ships with bgswap"]
    assert "pip install --no-deps simple-lama-inpainting" in lines[-1][5]


def test_list_draws_a_table_on_a_terminal_and_takes_no_markup_from_a_catalog(tiny, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    models(["list"], standalone_mode=False)
    told = capsys.readouterr().out
    assert "license" in told
    assert "a [bold]test[/bold]" in told
    assert "\t" not in told


def test_fetch_prints_the_path_and_list_path_and_remove_know_of_it(tiny):
    own = store.own_path(tiny, tiny.files[0])
    assert typed(models, "fetch", "tiny") == f"{own}\n"
    assert own.read_bytes() == DATA
    assert "tiny\tmatte\tfetched\t25\t" in typed(models, "list")
    assert typed(models, "path", "tiny") == f"{own}\n"
    assert typed(models, "remove", "tiny") == f"{own}\n"
    assert not own.exists()
    assert "tiny\tmatte\t-\t" in typed(models, "list")


def test_path_without_a_name_is_the_folder():
    assert typed(models, "path") == f"{store.models_folder()}\n"


def test_verify_finds_a_changed_file_and_fetch_cures_it(tiny, web):
    typed(models, "fetch", "tiny")
    assert typed(models, "verify").splitlines()[-1].startswith("tiny\tok\t")
    store.own_path(tiny, tiny.files[0]).write_bytes(DATA[::-1])
    with pytest.raises(NotReady, match=r"published is[^$]*models fetch tiny"):
        typed(models, "verify")
    typed(models, "fetch", "tiny")
    assert len(web.asked) == 2
    assert typed(models, "verify", "tiny").count("ok") == 1


def test_verify_of_a_model_that_is_not_here_says_how_to_have_it():
    with pytest.raises(NotReady, match="models fetch u2netp"):
        typed(models, "verify", "u2netp")
    with pytest.raises(NotReady, match="models fetch u2netp"):
        typed(models, "path", "u2netp")


def test_verify_records_a_file_that_was_put_there_by_hand(own_catalog):
    own_catalog('[tiny]\nfile = "tiny.onnx"\n')
    own = store.own_path(by_name("tiny"), by_name("tiny").files[0])
    own.parent.mkdir(parents=True)
    own.write_bytes(DATA)
    typed(models, "verify", "tiny")
    own.write_bytes(b"another")
    with pytest.raises(NotReady, match="first one seen"):
        typed(models, "verify", "tiny")


def test_remove_leaves_what_bgswap_did_not_fetch(home, tiny):
    with pytest.raises(UsageError, match=r"no file of people; .*people.onnx \(ships with bgswap\) is left alone"):
        typed(models, "remove", "people")
    theirs = home / ".u2net" / "tiny.onnx"
    theirs.parent.mkdir()
    theirs.write_bytes(DATA)
    with pytest.raises(UsageError, match="rembg's file"):
        typed(models, "remove", "tiny")
    assert theirs.exists()
    assert (store.SHIPPED / "people.onnx").exists()


def test_fetch_of_non_commercial_weights_needs_their_license_accepted():
    with pytest.raises(NotReady, match="--accept-license bria-rmbg"):
        typed(models, "fetch", "bria-rmbg")
    with pytest.raises(NotReady, match="not on this machine"):
        typed(models, "fetch", "--offline", "--accept-license", "bria-rmbg", "bria-rmbg")


def test_doctor_tells_the_basics_and_nothing_of_the_users_name(home, monkeypatch):
    monkeypatch.setenv("BGSWAP_OFFLINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    told = typed(doctor)
    for what in (
        "Python",
        "bgswap",
        "torch",
        "CUDA in torch",
        "onnxruntime",
        "opencv",
        "pillow",
        "AVIF",
        "HEIC",
        "isal",
        "cache folder",
        "models here\tpeople",
        "off (BGSWAP_OFFLINE is set)",
        "extra 'train'",
    ):
        assert what in told
    assert str(home) not in told
    assert "~/cache/bgswap/models" in told


def test_doctor_names_a_broken_catalog_and_a_missing_extra_and_goes_on(own_catalog, monkeypatch):
    own_catalog("[mine")
    monkeypatch.setitem(doctor_module.EXTRAS, "train", ("no_such_module_anywhere",))
    told = typed(doctor)
    assert "!!\tyour catalog.toml" in told
    assert "extra 'train'\tneeds no_such_module_anywhere\tpip install 'bgswap[train]'" in told
