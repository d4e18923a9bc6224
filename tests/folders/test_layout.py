from pathlib import Path

import pytest

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders.layout import Layout, Target, folder_or_file, make_parent, refuse_clashes, refuse_overlap
from bgswap.folders.records import Record


def record(key: str, path: str = "in/x.jpg") -> Record:
    return Record(key, {"photo": Path(path)})


def outputs(name: str, *records: Record) -> list[tuple[Record, dict[str, Path]]]:
    layout = Layout({"foreground": Target(Path("out"), "png"), "alpha": Target(Path("alpha"), "png")}, name)
    return [(one, layout.outputs(one)) for one in records]


def test_folders_of_the_key_are_kept_below_every_output_folder():
    ((_, made),) = outputs("{stem}.{format}", record("a/b"))
    assert made == {"foreground": Path("out/a/b.png"), "alpha": Path("alpha/a/b.png")}


def test_a_template_names_files_by_stem_extension_and_format():
    ((_, made),) = outputs("{stem}.{ext}.{format}", record("a/b.jpg", "in/a/b.jpg"))
    assert made["foreground"] == Path("out/a/b.jpg.png")


@pytest.mark.parametrize("name", ["cut.png", "{date}.png", "sub/{stem}.png"])
def test_a_template_that_cannot_name_files_is_refused(name):
    with pytest.raises(UsageError):
        outputs(name, record("a"))


def test_two_inputs_for_one_output_are_both_named():
    with pytest.raises(BgswapError, match=r"a\.jpg and in/a\.png would both write out/a\.png"):
        refuse_clashes(outputs("{stem}.{format}", record("a.jpg", "in/a.jpg"), record("a.png", "in/a.png")))
    refuse_clashes(outputs("{stem}.{ext}.{format}", record("a.jpg", "in/a.jpg"), record("a.png", "in/a.png")))


def test_names_that_differ_only_in_case_or_unicode_form_clash():
    with pytest.raises(BgswapError):
        refuse_clashes(outputs("{stem}.{format}", record("A"), record("a")))
    with pytest.raises(BgswapError):
        refuse_clashes(outputs("{stem}.{format}", record("\u00e9"), record("e\u0301")))


def test_an_input_is_never_replaced_not_even_through_a_link(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(BgswapError, match="never replaced"):
        refuse_clashes([(record("a", str(tmp_path / "a.png")), {"foreground": tmp_path / "link.png"})])


def test_an_output_folder_in_the_source_is_refused_and_one_beside_it_is_not(tmp_path):
    (tmp_path / "in").mkdir()
    for bad in ("in", "in/out", "in/../in/deep/out"):
        with pytest.raises(UsageError):
            refuse_overlap([tmp_path / "in"], [tmp_path / bad])
    refuse_overlap([tmp_path / "in"], [tmp_path / "in2"])


def test_an_output_is_a_folder_when_it_exists_as_one_ends_in_a_slash_or_must_hold_several(tmp_path):
    assert folder_or_file(str(tmp_path), False)[1]
    assert folder_or_file("new/", False)[1]
    assert folder_or_file("new", True)[1]
    assert not folder_or_file("new.png", False)[1]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError):
        folder_or_file(str(tmp_path / "file"), True)


def test_a_link_below_the_output_folder_cannot_lead_out_of_it(tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "else")
    with pytest.raises(PictureError, match="leads out"):
        make_parent(tmp_path / "out/a/b.png", tmp_path / "out")
