"""Downloads against a real server on this machine."""

import hashlib
import subprocess
import sys
import threading

import pytest

from bgswap.errors import NotReady
from bgswap.zoo import checksum, download
from bgswap.zoo.card import WeightFile
from bgswap.zoo.download import Address

DATA = bytes(range(256)) * 4000  # 1 MB, four blocks


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "tiny" / "tiny.onnx"


@pytest.fixture
def file():
    return WeightFile("tiny.onnx", size=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


def mirror(web, path="/tiny.onnx"):
    return Address(web.url + path, mirror=True)


def test_a_whole_file_arrives_with_progress_and_its_checksum_is_kept(web, file, target):
    web.files["/tiny.onnx"] = DATA
    seen = []
    sha256 = download.fetch(file, target, [mirror(web)], lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == DATA
    assert sha256 == file.sha256 == checksum.first_seen(target)
    assert seen[-1] == (len(DATA), len(DATA))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not target.with_name("tiny.onnx.part").exists()


def test_a_cut_download_goes_on_where_it_stopped(web, file, target):
    web.files["/tiny.onnx"] = DATA
    web.cut_after["/tiny.onnx"] = [300_000]
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA
    assert [asked for _, asked in web.asked] == ["", "bytes=300000-"]


def test_a_cut_download_leaves_no_final_file_and_the_next_try_goes_on(web, file, target):
    web.files["/tiny.onnx"] = DATA
    web.cut_after["/tiny.onnx"] = [100_000, 0]
    with pytest.raises(NotReady, match="100,000 of 1,024,000"):
        download.fetch(file, target, [mirror(web)])
    assert not target.exists()
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA
    assert web.asked[-1] == ("/tiny.onnx", "bytes=100000-")


def test_a_server_that_cannot_resume_is_asked_for_the_whole_file(web, file, target):
    web.files["/tiny.onnx"], web.ranges = DATA, False
    web.cut_after["/tiny.onnx"] = [100_000]
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA
    assert len(web.asked) == 2


def test_a_rest_that_was_whole_already_is_taken_by_its_checksum(web, file, target):
    web.files["/tiny.onnx"] = DATA
    target.parent.mkdir(parents=True)
    target.with_name("tiny.onnx.part").write_bytes(DATA)  # killed just before the file got its name
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA


def test_a_rest_of_another_file_is_thrown_away_and_fetched_anew(web, file, target):
    web.files["/tiny.onnx"] = DATA
    target.parent.mkdir(parents=True)
    target.with_name("tiny.onnx.part").write_bytes(b"something else" * 9)
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA
    assert [asked for _, asked in web.asked] == ["bytes=126-", ""]


def test_a_wrong_file_is_refused_and_does_not_stay(web, file, target):
    web.files["/tiny.onnx"] = DATA[:-1] + b"!"
    with pytest.raises(NotReady, match=r"SHA-256 is .* published is"):
        download.fetch(file, target, [mirror(web)])
    assert not target.exists()
    assert not target.with_name("tiny.onnx.part").exists()
    assert len(web.asked) == 1


def test_the_second_address_is_used_when_the_first_has_no_or_a_wrong_file(web, file, target):
    web.files |= {"/wrong/tiny.onnx": b"not it", "/tiny.onnx": DATA}
    download.fetch(file, target, [mirror(web, "/none"), mirror(web, "/wrong/tiny.onnx"), mirror(web)])
    assert [path for path, _ in web.asked] == ["/none", "/wrong/tiny.onnx", "/tiny.onnx"]
    assert target.read_bytes() == DATA


def test_every_address_is_named_with_its_reason_when_none_has_the_file(web, file, target):
    with pytest.raises(NotReady, match=r"/a: HTTP Error 404.*\n.*/b: HTTP Error 404"):
        download.fetch(file, target, [mirror(web, "/a"), mirror(web, "/b")])


def test_a_redirect_to_http_elsewhere_is_refused_before_it_is_followed(web, file, target):
    web.redirects["/tiny.onnx"] = "http://example.invalid/tiny.onnx"
    with pytest.raises(NotReady, match=r"http://example.invalid/tiny.onnx is refused: only https"):
        download.fetch(file, target, [mirror(web)])


def test_a_redirect_on_this_machine_is_followed_for_a_mirror(web, file, target):
    web.files["/there"] = DATA
    web.redirects["/tiny.onnx"] = "/there"
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://example.org/x", "file:///etc/passwd", "ftp://a/b"])
def test_a_published_address_may_only_be_https_even_after_a_redirect(url):
    published = Address("https://example.org/x")
    published.check("https://elsewhere.example/x")
    with pytest.raises(OSError, match="only https"):
        published.check(url)


@pytest.mark.parametrize("url", ["http://example.org/x", "http://127.0.0.1.example.org/x", "file:///etc/passwd"])
def test_a_mirror_may_be_http_on_this_machine_only(url):
    Address("x", mirror=True).check("http://localhost:1/x")
    with pytest.raises(OSError, match="only https"):
        Address("x", mirror=True).check(url)


def test_a_published_http_address_is_never_asked(web, file, target):
    web.files["/tiny.onnx"] = DATA
    with pytest.raises(NotReady, match="only https"):
        download.fetch(file, target, [Address(web.url + "/tiny.onnx")])
    assert web.asked == []


def test_a_file_much_larger_than_published_is_refused_unread(web, target):
    web.files["/tiny.onnx"] = DATA * 3
    with pytest.raises(NotReady, match="has 3,072,000 bytes, at most"):
        download.fetch(WeightFile("tiny.onnx", size=1000), target, [mirror(web)])
    assert not target.with_name("tiny.onnx.part").exists()


def test_without_a_published_checksum_the_first_file_seen_is_held_to(web, target):
    unknown = WeightFile("tiny.onnx")
    web.files["/tiny.onnx"] = DATA
    first = download.fetch(unknown, target, [mirror(web)])
    target.unlink()
    web.files["/tiny.onnx"] = DATA + b"changed"
    with pytest.raises(NotReady, match=f"first one seen was {first}"):
        download.fetch(unknown, target, [mirror(web)])
    assert not target.exists()


def test_a_bad_file_that_lies_there_is_replaced(web, file, target):
    web.files["/tiny.onnx"] = DATA
    target.parent.mkdir(parents=True)
    target.write_bytes(b"cut short by another program")
    download.fetch(file, target, [mirror(web)])
    assert target.read_bytes() == DATA


def test_two_processes_at_once_fetch_a_file_once(web, file, target):
    web.files["/tiny.onnx"] = DATA
    web.gate.clear()
    code = (
        "import sys; from pathlib import Path\n"
        "from bgswap.zoo import download; from bgswap.zoo.card import WeightFile\n"
        "url, target, size, sha = sys.argv[1:]\n"
        "print('ready', flush=True)\n"
        "file = WeightFile('tiny.onnx', size=int(size), sha256=sha)\n"
        "print(download.fetch(file, Path(target), [download.Address(url, mirror=True)]))"
    )
    call = [sys.executable, "-c", code, web.url + "/tiny.onnx", str(target), str(len(DATA)), file.sha256]
    both = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    threading.Timer(0.3, web.gate.set).start()  # long enough for both to come to the lock; correct without it, too
    outputs = [process.communicate(timeout=60)[0].strip() for process in both]
    assert outputs == [file.sha256] * 2
    assert len(web.asked) == 1


def test_a_mirror_may_be_a_folder(tmp_path, file, target, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "tiny.onnx").write_bytes(DATA)
    monkeypatch.setenv("BGSWAP_MIRROR", str(tmp_path / "disk"))
    download.fetch(file, target, download.addresses(file))
    assert target.read_bytes() == DATA
