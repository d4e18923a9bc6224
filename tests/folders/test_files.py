import os
import stat
import threading
from pathlib import Path

import pytest

from bgswap.folders import files
from bgswap.folders.files import leftovers, write_whole


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_holds_its_bytes_and_nothing_else_lies_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.png", b"one")
    write_whole(tmp_path / "a.png", b"another")
    assert (tmp_path / "a.png").read_bytes() == b"another"
    assert _names(tmp_path) == ["a.png"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_destination_that_is_a_link_is_replaced_and_what_it_pointed_to_is_untouched(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"keep me")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    write_whole(tmp_path / "out", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"keep me"
    assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "out").read_bytes() == b"new"


def test_a_link_to_a_device_is_replaced_too(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/dev/null")
    write_whole(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
@pytest.mark.parametrize("step", ["write", "replace", "close"])
def test_an_error_at_any_step_leaves_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], step: str
) -> None:
    (tmp_path / "out").write_bytes(b"old")
    plain = getattr(os, step)

    def fail(*arguments: object) -> None:
        if step == "close":
            plain(*arguments)
        raise error

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(error):
        write_whole(tmp_path / "out", b"new")
    monkeypatch.undo()
    assert _names(tmp_path) == ["out"]
    assert (tmp_path / "out").read_bytes() == b"old"


def test_a_short_write_is_carried_on_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.write
    monkeypatch.setattr(files.os, "write", lambda descriptor, data: plain(descriptor, bytes(data[:7])))
    write_whole(tmp_path / "out", bytes(range(100)))
    monkeypatch.undo()
    assert (tmp_path / "out").read_bytes() == bytes(range(100))


def test_a_destination_that_is_a_folder_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "out", b"x")
    assert _names(tmp_path) == ["out"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "out", b"x")


def test_a_fifo_is_written_into_and_stays_a_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    write_whole(tmp_path / "pipe", b"through")
    reader.join(10)
    assert got == [b"through"]
    assert _names(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_the_null_device_stays_a_device() -> None:
    write_whole(Path("/dev/null"), b"gone")
    assert stat.S_ISCHR(os.lstat("/dev/null").st_mode)


def test_names_of_open_streams_are_written_to_and_never_renamed_over(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = os.lstat("/dev/stdout")
    write_whole(Path("/dev/stdout"), b"a picture")
    write_whole(Path("/dev/fd/1"), b", whole")
    assert capfd.readouterr().out == "a picture, whole"
    assert os.lstat("/dev/stdout").st_ino == before.st_ino


def test_only_old_temporary_files_count_as_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    monkeypatch.setattr(files.Path, "unlink", lambda path, missing_ok=False: None)  # as if by kill -9
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "out", b"half")
    monkeypatch.undo()
    (tmp_path / "mine.tmp").write_bytes(b"a user's own")
    (left,) = [path for path in tmp_path.iterdir() if path.name.startswith(".bgswap-")]
    assert leftovers(tmp_path) == []
    os.utime(left, (0, 0))
    os.utime(tmp_path / "mine.tmp", (0, 0))
    assert leftovers(tmp_path) == [left]


def test_a_file_planted_under_the_temporary_name_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "guessed")
    (tmp_path / "victim").write_bytes(b"keep me")
    (tmp_path / ".bgswap-guessed.tmp").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "out", b"new")
    assert (tmp_path / "victim").read_bytes() == b"keep me"


def test_the_temporary_files_of_a_run_are_known_by_its_name_and_a_whole_file_leaves_none(tmp_path):
    lost = tmp_path / ".bgswap-0a1b2c3dffff.tmp"
    other = tmp_path / ".bgswap-99999999ffff.tmp"
    for path in (lost, other):
        path.write_bytes(b"half")
    files.write_whole(tmp_path / "a.png", b"whole", "0a1b2c3d")
    assert files.of_run(tmp_path, "0a1b2c3d") == [lost]
    assert (tmp_path / "a.png").read_bytes() == b"whole"
