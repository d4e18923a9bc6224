from pathlib import Path

import pytest

from bgswap.augmentation.ranges import PlacementRanges, TripletRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.augmentation.sources import Choice, Pool, samples, subset, with_people
from bgswap.errors import UsageError
from bgswap.folders import picture
from bgswap.folders.records import Record

RECOLOR = SampleSettings(("recolor",))


def photos(count: int, **fields) -> list[Record]:
    return [
        Record(f"p{i:02}", {"photo": Path(f"p{i:02}.jpg"), "foreground": Path(f"p{i:02}.png")}, fields)
        for i in range(count)
    ]


def places(count: int) -> list[Record]:
    return [Record(f"place{i}", {"background": Path(f"place{i}.jpg")}) for i in range(count)]


def test_a_sample_hangs_on_seed_key_copy_and_the_candidates_and_not_on_order():
    forward = {r.key: r for r in samples(photos(9), (), Choice(3, seed=4), RECOLOR)}
    backward = {r.key: r for r in samples(photos(9)[::-1], (), Choice(2, seed=4), RECOLOR)}
    assert len(forward) == 27
    assert len(backward) == 18
    assert all(backward[key] == forward[key] for key in backward)
    again = {r.key: r for r in samples(photos(9), (), Choice(3, seed=4), RECOLOR)}
    assert again == forward
    assert {r.paths["reference_foreground"] for r in forward.values()} > {Path("p00.png")}


def test_nobody_takes_colors_from_itself_and_every_other_comes_in_turn():
    pool = Pool(photos(4), (), Choice(), RECOLOR)
    taken = [pool.sample(pool.photos[0], copy).paths["reference_foreground"].stem for copy in range(60)]
    assert set(taken) == {"p01", "p02", "p03"}


def test_colors_pass_only_within_a_class():
    mixed = photos(3, category="cat") + [
        Record(f"dog{i}", {"photo": Path(f"dog{i}.jpg"), "mask": Path(f"dog{i}.png")}, {"category": "dog"})
        for i in range(3)
    ]
    for record in samples(mixed, (), Choice(5), RECOLOR):
        theirs = record.fields["sample"]["sources"]["reference"]
        assert theirs.startswith("dog") == record.key.startswith("dog")


def test_a_photo_alone_has_nobody_to_take_from():
    (record,) = samples(photos(1), (), Choice(), RECOLOR)
    assert "reference_foreground" not in record.paths


def test_places_and_decoys_are_drawn_for_every_copy():
    triplet = SampleSettings(("triplet",), ranges=(TripletRanges(hard=0.5),))
    found = [r.fields["sample"]["sources"] for r in samples(photos(1), places(5), Choice(40), triplet)]
    assert {one["background"] for one in found} == {f"place{i}" for i in range(5)}
    assert any(one["background"] != one["busy"] for one in found)
    decoyed = SampleSettings(("placement",), ranges=(PlacementRanges(decoys=3),))
    ready = [Record(r.key, {**r.paths, "plate": Path("plate.png")}) for r in photos(4)]
    for record in samples(ready, (), Choice(2), decoyed):
        assert {"decoy_0", "decoy_1", "decoy_2"} < set(record.paths)
        assert record.paths["foreground"] not in [record.paths[f"decoy_{i}"] for i in range(3)]


def test_an_outline_of_a_data_set_travels_with_its_file_as_labels():
    rule = {"threshold": 128}
    set_ = [
        Record(f"{i}", {"photo": Path(f"{i}.jpg"), "mask": Path(f"{i}.png")}, {"outline": rule, "split": "train"})
        for i in range(2)
    ]
    record = next(samples(set_, (), Choice(), RECOLOR))
    assert record.paths["alpha_labels"] == Path("0.png")
    assert record.paths["reference_alpha_labels"] == Path("1.png")
    assert record.fields["sample"]["outlines"] == {"alpha": rule, "reference_alpha": rule}
    assert record.fields["split"] == "train"
    assert "outline" not in record.fields


def test_the_frames_of_a_video_are_drawn_for_alike_and_photos_are_not():
    clip = [
        Record(f"v/{i:06}", {"photo": Path(f"v.mp4/{i:06}"), "alpha": Path(f"a.mp4/{i:06}")}, {"video": "v"})
        for i in range(3)
    ]
    made = samples([*clip, *photos(6)], (), Choice(), SampleSettings(("frames",)))
    drawn_by = {record.key: record.fields["sample"]["key"] for record in made}
    assert {drawn_by[f"v/{i:06}_000"] for i in range(3)} == {"v"}
    assert len(set(drawn_by.values())) == 7


def test_a_subset_is_drawn_by_the_seed_and_holds_when_photos_come_or_go():
    records = photos(50)
    chosen = {record.key for record in subset(records, 10, 3)}
    assert len(chosen) == 10
    assert chosen != {record.key for record in subset(records, 10, 4)}
    fewer = [record for record in records if record.key in chosen or int(record.key[1:]) % 2]
    assert {record.key for record in subset(fewer, 10, 3)} == chosen
    assert [record.key for record in subset(records, 10, 3)] == sorted(chosen)


def test_people_are_counted_in_mattes_and_fields_count_where_a_data_set_tells(astronaut, tmp_path):
    matte = astronaut[1]
    import numpy as np

    (tmp_path / "one.png").write_bytes(picture.encode(matte, "png"))
    (tmp_path / "two.png").write_bytes(picture.encode(np.hstack([matte, matte]), "png"))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    records = [Record(name, {"alpha": tmp_path / f"{name}.png"}) for name in ("one", "two", "broken")]
    records.append(Record("told", {"photo": tmp_path / "none.jpg"}, {"people": 1}))
    kept = {record.key: record.error for record in with_people(records, 1, 2)}
    assert set(kept) == {"one", "broken", "told"}
    assert kept["broken"]  # named later, as every photo that cannot be read
    assert not kept["one"]
    assert [r.key for r in with_people(records[:2], 2, 1)] == ["two"]


@pytest.mark.parametrize(
    ("method", "missing"), [("triplet", "--background"), ("placement", "--plate"), ("shadow", "--plate")]
)
def test_what_a_method_needs_and_nobody_named_is_said_at_once(method, missing):
    with pytest.raises(UsageError, match=missing):
        list(samples(photos(3), (), Choice(), SampleSettings((method,))))
    with pytest.raises(UsageError, match="--foreground"):
        list(samples([Record("a", {"photo": Path("a.jpg")})], places(2), Choice(), SampleSettings((method,))))
