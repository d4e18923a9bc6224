"""Where weights are looked for, and which copies count."""

import hashlib
from pathlib import Path

import pytest

from bgswap.errors import NotReady
from bgswap.zoo import catalog, checksum, store
from bgswap.zoo.obtain import check_license, obtain, offline_reason

DATA = b"weights of a tiny network"


def put(path: Path, data: bytes = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def card(a_card):
    return a_card(DATA)


def test_the_cache_is_the_xdg_folder_unless_a_folder_is_named(home, monkeypatch):
    assert store.models_folder() == home / "cache" / "bgswap" / "models"
    monkeypatch.setenv("BGSWAP_MODELS", str(home / "elsewhere"))
    assert store.models_folder() == home / "elsewhere"


def test_a_relative_xdg_value_is_ignored(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("XDG_CONFIG_HOME", "./there")
    assert store.models_folder() == home / ".cache" / "bgswap" / "models"
    assert store.config_folder() == home / ".config" / "bgswap"


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("U2NET_HOME", "u2", "u2/models/tiny/tiny.onnx"),
        ("U2NET_HOME", "u2", "u2/tiny.onnx"),
        ("REMBG_HOME", "rm", "rm/models/tiny/tiny.onnx"),
        ("XDG_DATA_HOME", "data", "data/rembg/models/tiny/tiny.onnx"),
        ("XDG_DATA_HOME", "data", "data/.u2net/tiny.onnx"),
        ("", "", ".rembg/models/tiny/tiny.onnx"),
        ("", "", ".u2net/tiny.onnx"),
        ("TORCH_HOME", "torch", "torch/hub/checkpoints/tiny.onnx"),
        ("", "", "cache/torch/hub/checkpoints/tiny.onnx"),
    ],
)
def test_another_programs_file_is_used_when_its_checksum_is_right(card, home, monkeypatch, variable, value, place):
    if variable:
        monkeypatch.setenv(variable, str(home / value))
    path = put(home / place)
    found, _ = store.locate(card, card.files[0])
    assert found is not None
    assert found.path == path
    path.write_bytes(DATA + b"!")
    found, problems = store.locate(card, card.files[0])
    assert found is None
    assert "published is" in problems[0].why
    assert path.read_bytes() == DATA + b"!"  # only ever read


def test_another_programs_file_does_not_count_without_a_published_checksum(a_card, home):
    card = a_card(DATA, sha256="")
    put(home / ".u2net" / "tiny.onnx")
    assert store.locate(card, card.files[0]) == (None, [])


def test_our_own_copy_comes_before_another_programs(card, home):
    put(home / ".u2net" / "tiny.onnx")
    own = put(store.own_path(card, card.files[0]))
    assert store.locate(card, card.files[0])[0].path == own


def test_what_ships_is_found_before_anything_is_fetched():
    people = catalog.by_name("people")
    found, _ = store.locate(people, people.files[0])
    assert found.kind == store.SHIPS


def test_a_recorded_first_sha256_is_held_to(a_card):
    card = a_card(DATA, sha256="")
    own = put(store.own_path(card, card.files[0]))
    checksum.remember(own, hashlib.sha256(DATA).hexdigest())
    assert store.locate(card, card.files[0])[0].path == own
    own.write_bytes(b"changed later")
    found, problems = store.locate(card, card.files[0])
    assert found is None
    assert "first one seen" in problems[0].why


def test_the_first_record_stays():
    path = put(Path.home() / "x.onnx")
    checksum.remember(path, "a" * 64)
    checksum.remember(path, "b" * 64)
    assert checksum.first_seen(path) == "a" * 64


def test_lama_model_names_a_file_that_must_be_the_published_one(home, monkeypatch):
    lama = catalog.by_name("lama")
    monkeypatch.setenv("LAMA_MODEL", str(put(home / "my-lama.pt")))
    with pytest.raises(NotReady, match=r"my-lama.pt is not the right big-lama.pt.*Unset LAMA_MODEL"):
        obtain(lama, lama.files[0], offline=True)
    assert obtain(lama, lama.files[0], offline=True, trust=True).path == home / "my-lama.pt"


def test_lama_model_that_names_no_file_is_said_and_nothing_is_fetched(home, monkeypatch):
    lama = catalog.by_name("lama")
    monkeypatch.setenv("LAMA_MODEL", str(home / "gone.pt"))
    with pytest.raises(NotReady, match=r"LAMA_MODEL names .*gone.pt: no such file"):
        obtain(lama, lama.files[0])


def test_a_missing_file_is_fetched_from_the_mirror(card, web, monkeypatch):
    web.files["/weights/tiny.onnx"] = DATA
    monkeypatch.setenv("BGSWAP_MIRROR", web.url + "/weights/")
    found = obtain(card, card.files[0])
    assert found.path == store.own_path(card, card.files[0])
    assert found.digests.sha256 == card.sha256
    assert obtain(card, card.files[0], offline=True).path == found.path
    assert len(web.asked) == 1


def test_a_download_that_fails_tells_the_reason_of_each_address_and_how_to_do_it_by_hand(card, web, monkeypatch):
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    with pytest.raises(NotReady) as caught:
        obtain(card, card.files[0])
    folder = store.own_path(card, card.files[0]).parent
    for part in (f"{web.url}/tiny.onnx: HTTP Error 404", str(folder), card.sha256, "bgswap models verify tiny"):
        assert part in str(caught.value)


def test_a_cache_that_cannot_be_written_to_is_told_with_a_cure(card, home, web, monkeypatch):
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    monkeypatch.setenv("BGSWAP_MODELS", str(put(home / "a file") / "models"))
    with pytest.raises(NotReady, match=r"cannot be written to: .* Set BGSWAP_MODELS"):
        obtain(card, card.files[0])


def test_a_bad_copy_of_ours_is_replaced_not_used(card, web, monkeypatch):
    web.files["/tiny.onnx"] = DATA
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    put(store.own_path(card, card.files[0]), b"half of")
    assert obtain(card, card.files[0]).path.read_bytes() == DATA


@pytest.mark.parametrize("variable", ["BGSWAP_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked_and_the_message_has_all_it_takes(card, web, monkeypatch, variable):
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(NotReady) as caught:
        obtain(card, card.files[0])
    told = str(caught.value)
    folder = store.own_path(card, card.files[0]).parent
    for part in ("tiny.onnx", variable, str(folder), f"sha256 {card.sha256}", "bgswap models verify tiny"):
        assert part in told
    assert web.asked == []


def test_offline_tells_address_and_the_two_commands_of_a_published_model():
    u2netp = catalog.by_name("u2netp")
    with pytest.raises(NotReady) as caught:
        obtain(u2netp, u2netp.files[0], offline=True)
    for part in (*u2netp.urls, "(--offline)", "models fetch u2netp", "models verify u2netp", f"md5 {u2netp.md5}"):
        assert part in str(caught.value)


def test_a_mirror_that_is_a_folder_works_offline(card, home, monkeypatch):
    put(home / "disk" / "tiny.onnx")
    monkeypatch.setenv("BGSWAP_MIRROR", str(home / "disk"))
    assert obtain(card, card.files[0], offline=True).path.read_bytes() == DATA


@pytest.mark.parametrize("value", ["", "0", "no", "off"])
def test_offline_variables_that_say_no_are_no(monkeypatch, value):
    monkeypatch.setenv("BGSWAP_OFFLINE", value)
    assert offline_reason() == ""


def test_non_commercial_weights_need_their_license_accepted():
    bria = catalog.by_name("bria-rmbg")
    with pytest.raises(NotReady, match=r"CC-BY-NC-4.0.*--accept-license bria-rmbg"):
        check_license(bria, ("lama",))
    check_license(bria, ("bria-rmbg",))
    check_license(bria, ("CC-BY-NC-4.0",))
