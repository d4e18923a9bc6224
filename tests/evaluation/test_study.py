import csv
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from bgswap.errors import PictureError, UsageError
from bgswap.evaluation.study.agreement import agreement, constancy
from bgswap.evaluation.study.answers import Answer, Answers, read_answers
from bgswap.evaluation.study.bradley_terry import PRIOR, connectivity, strengths
from bgswap.evaluation.study.command import study
from bgswap.evaluation.study.draw import StudySettings, balanced, draw
from bgswap.evaluation.study.fit import fit
from bgswap.evaluation.study.make import Sources, make_study, write
from bgswap.evaluation.study.misfit import misfit
from bgswap.folders.encode import encode
from bgswap.folders.picture import read, read_mask

ORACLE = np.array([[0, 7, 9], [3, 0, 6], [1, 4, 0]], float)  # field.md 7.1
SYSTEMS = ("alder-system", "birch-system", "cedar-system", "dogwood-system")


def newman(wins, rounds=3000):
    """Centered log strengths by Newman's iteration (2022), written apart from choix."""
    strong = np.ones(len(wins))
    for _ in range(rounds):
        sums = strong[:, None] + strong
        for n in range(len(wins)):
            sums = strong[n] + strong
            strong[n] = (wins[n] * strong / sums).sum() / (wins[:, n] / sums).sum()
        strong /= np.exp(np.log(strong).mean())
    return np.log(strong)


def folders(root: Path, photo, systems=SYSTEMS, keys=6, shape=(48, 64)) -> dict[str, Path]:
    """A folder of crops of a real photo for every system; the first is the brightest, the last the darkest."""
    made = {}
    for rank, system in enumerate(systems):
        (root / system).mkdir(parents=True)
        for n in range(keys):
            crop = photo[20 * n : 20 * n + shape[0], 100 : 100 + shape[1]]
            darker = np.rint(crop * (1 - 0.2 * rank)).astype(np.uint8)
            (root / system / f"key-{n}.png").write_bytes(encode(darker, "png"))
        made[system] = root / system
    return made


@pytest.fixture
def four(tmp_path, photo):
    return folders(tmp_path, photo)


def answer(rater, question, shown, picked, repeats=""):
    return Answer(rater, question, question, tuple(shown), tuple(picked), repeats)


def answered(kind, *answers, systems=("a", "b", "c")):
    return Answers("s", kind, systems, tuple(answers))


def test_strengths_are_those_of_the_fields_oracle_and_of_an_iteration_of_ones_own():
    assert strengths(ORACLE) == pytest.approx([0.943606, -0.160161, -0.783445], abs=1e-5)
    assert strengths(ORACLE) == pytest.approx(newman(ORACLE), abs=1e-6)


@given(seed=st.integers(0, 999), count=st.integers(2, 6))
def test_strengths_are_the_maximum_of_the_likelihood_and_centered(seed, count):
    random = np.random.default_rng(seed)
    wins = random.integers(1, 30, (count, count)) / 2  # ties make halves
    np.fill_diagonal(wins, 0)
    found = strengths(wins)

    def loss(scores):
        return (wins * np.logaddexp(0, scores - scores[:, None])).sum()

    best = minimize(loss, np.zeros(count), method="BFGS", options={"gtol": 1e-7})
    assert found.sum() == pytest.approx(0, abs=1e-9)
    assert found == pytest.approx(best.x - best.x.mean(), abs=1e-4)


def test_a_system_that_never_lost_gets_a_finite_strength_and_is_named():
    wins = np.array([[0, 5, 5], [0, 0, 3], [0, 2, 0.0]])
    assert np.isfinite(strengths(wins)).all()
    (told,) = connectivity(wins, ["a", "b", "c"])
    assert told.startswith("a never lost to any other; b, c never won against any other")
    assert connectivity(ORACLE, ["a", "b", "c"]) == ()


def test_ten_wins_to_none_come_out_as_about_51_to_1():
    difference = np.ptp(strengths(np.array([[0, 10], [0, 0.0]])))
    # choix's chain goes over by 10 / (p + q) + alpha one way and alpha the other, with p + q = 2: 1 + 10 / (2 alpha)
    assert np.exp(difference) == pytest.approx(1 + 10 / (2 * PRIOR), rel=1e-5) == 51


def test_systems_that_never_met_are_named():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = 1
    (told,) = connectivity(wins, ["a", "b", "c", "d"])
    assert told.startswith("never compared with each other, not even by way of others: a, b; c, d")


def test_a_tie_is_half_a_win_for_each():
    ties = answered(
        "pairs", *[answer("ann", f"q{n}", "ab", "a" if n < 3 else "") for n in range(4)], systems=("a", "b")
    )
    fitted = fit(ties)
    first, second = fitted.standings
    assert (first.won, first.tied, first.lost) == (3, 1, 0)
    assert (second.won, second.tied, second.lost) == (0, 1, 3)
    assert fitted.wins.tolist() == [[0, 3.5], [0.5, 0]]
    assert first.score - second.score == pytest.approx(np.log(7), abs=1e-6)  # odds 3.5 to 0.5


def test_intervals_are_over_raters_and_hold_the_truth_of_simulated_studies():
    truth, random, held = np.array([0.8, 0.0, -0.8]), np.random.default_rng(3), 0
    for _ in range(4):
        answers = []
        for rater in range(20):
            for n, (left, right) in enumerate(list(combinations(range(3), 2)) * 4):
                wins = random.random() < 1 / (1 + np.exp(truth[right] - truth[left]))
                chosen = left if wins else right
                answers.append(answer(f"r{rater}", f"q{n}", ("abc"[left], "abc"[right]), "abc"[chosen]))
        fitted = {one.system: one for one in fit(answered("pairs", *answers)).standings}
        held += sum(fitted[name].low <= true <= fitted[name].high for name, true in zip("abc", truth, strict=True))
    assert held >= 10  # of 12


def test_raters_who_all_say_the_same_leave_no_width_and_one_rater_is_said_to_be_one():
    rows = [answer(r, f"q{n}", "ab", "ab"[n % 3 == 0]) for r in ("ann", "bob", "cid") for n in range(9)]
    fitted = fit(answered("pairs", *rows, systems=("a", "b")))
    assert fitted.standings[0].low == pytest.approx(fitted.standings[0].high)
    assert any("over raters" in note for note in fitted.notes)
    alone = fit(answered("pairs", *rows[:9], systems=("a", "b")))
    assert alone.standings[0].low < alone.standings[0].score < alone.standings[0].high
    assert any("one person" in note for note in alone.notes)


def test_the_reader_is_told_that_published_scores_stand_on_another_scale():
    fitted = fit(answered("pairs", answer("ann", "q1", "ab", "a"), systems=("a", "b")))
    assert any("another scale: compare ranks" in note for note in fitted.notes)


def test_top_three_scores_are_seed_001s_by_hand():
    five = ("a", "b", "c", "d", "e")
    rows = [
        answer("ann", "q1", five, "abc"),  # a 1, b 2, c 3, d 8, e 8
        answer("bob", "q1", five, "bac"),  # b 1, a 2, c 3: a and b share the set
        answer("ann", "q2", five, "dca"),  # d 1, c 2, a 3
        answer("bob", "q2", five, "dae"),  # d 1, a 2, e 3
    ]
    fitted = fit(answered("top3", *rows, systems=five))
    found = {one.system: (one.score, one.won) for one in fitted.standings}
    assert found == {
        "a": (2.0, 0.5),
        "b": (4.75, 0.5),
        "c": (4.0, 0.0),
        "d": (4.5, 1.0),
        "e": (6.75, 0.0),
    }
    assert [one.system for one in fitted.standings] == ["a", "c", "d", "b", "e"]
    assert fitted.wins[0, 2] == 2  # a before d in q1, twice
    assert fitted.wins[2, 0] == 2


def test_agreement_is_fleiss_kappa():
    # three questions, two raters: alike, alike, apart. Shares: a 0.5, b 0.5; chance 0.5; by hand (2/3 - 1/2) / (1/2)
    rows = [answer("ann", f"q{n}", "ab", one) for n, one in enumerate("aba")]
    rows += [answer("bob", f"q{n}", "ab", one) for n, one in enumerate("abb")]
    assert agreement(rows) == (pytest.approx(2 / 3), pytest.approx(1 / 3), 3)
    assert np.isnan(agreement(rows[:3])[0])


def test_pairs_asked_twice_tell_of_the_rater_and_count_once():
    rows = [answer("ann", "q1", "ab", "a"), answer("ann", "q2", "ab", "b"), answer("ann", "q3", "ba", "a", "q1")]
    rows.append(answer("ann", "q4", "ba", "a", "q2"))
    assert constancy(rows) == {"ann": (1, 2)}
    fitted = fit(answered("pairs", *rows, systems=("a", "b")))
    assert fitted.wins.sum() == 2
    assert "ann answered 1 of 2 pairs alike when asked again" in fitted.notes


@given(keys=st.integers(1, 12), rows=st.integers(1, 12), share=st.floats(0, 1), seed=st.integers(0, 9))
def test_drawn_questions_are_distinct_and_balanced(keys, rows, share, seed):
    count = max(1, round(share * keys * rows))
    cells = balanced(keys, rows, count, np.random.default_rng(seed))
    assert len(set(cells)) == len(cells) == count
    for axis, size in ((0, keys), (1, rows)):
        times = Counter(cell[axis] for cell in cells)
        assert max(times.values()) - min(times.get(n, 0) for n in range(size)) <= 1


def test_sides_are_random_and_the_seed_decides():
    keys = [f"k{n}" for n in range(30)]
    asked, _ = draw(keys, ("a", "b", "c"), StudySettings(seed=5))
    left = Counter(question.systems[0] for question in asked)
    assert len(asked) == 90
    assert all(15 <= left[name] <= 45 for name in "abc")
    assert asked == draw(keys, ("a", "b", "c"), StudySettings(seed=5))[0]
    assert asked != draw(keys, ("a", "b", "c"), StudySettings(seed=6))[0]
    with pytest.raises(UsageError, match="make only 90 pairs"):
        draw(keys, ("a", "b", "c"), StudySettings(pairs=91))
    bounded, notes = draw([f"k{n}" for n in range(99)], ("a", "b", "c"), StudySettings())
    assert len(bounded) == 200
    assert "200 of 297" in notes[0]


def test_the_page_names_no_system_and_no_key_and_the_same_call_gives_the_same_bytes(four):
    made = make_study(four, StudySettings(pairs=10, repeats=2))
    assert not any(name in made.page for name in (*SYSTEMS, "key-"))
    again = make_study(four, StudySettings(pairs=10, repeats=2))
    assert (again.page, again.key) == (made.page, made.key)
    assert make_study(four, StudySettings(pairs=10, repeats=2, seed=1)).key["study"] != made.key["study"]


def test_what_the_page_shows_is_what_the_key_says(four, photo):
    made = make_study(four, StudySettings(side=32))
    shown = json.loads(made.page.split('id="data">')[1].split("</script>")[0])
    import base64

    brightness = {}
    for name, address in shown["pictures"].items():
        pixels = read(base64.b64decode(address.partition(",")[2])).pixels
        assert pixels.shape == (24, 32, 3)
        brightness[made.key["pictures"][name]["key"], made.key["pictures"][name]["system"]] = pixels.mean()
    for key in (f"key-{n}" for n in range(6)):
        assert [*sorted(SYSTEMS, key=lambda system: -brightness[key, system])] == list(SYSTEMS)
    asked = [tuple(sorted(made.key["pictures"][name]["system"] for name in q["shown"])) for q in shown["questions"]]
    assert Counter(asked) == dict.fromkeys(combinations(SYSTEMS, 2), 6)


def test_hostile_names_and_words_stay_text(tmp_path, photo):
    hostile = "<img src=x onerror=alert(1)>"
    made = folders(tmp_path, photo, (hostile, "</script><b>"[2:8] + "&\"'"), keys=1)
    page = make_study(made, StudySettings(title=hostile, question="</script><script>alert(2)</script>")).page
    assert hostile not in page
    assert "<script>alert" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_other_sizes_and_missing_keys_are_told(four, photo):
    (four[SYSTEMS[0]] / "key-0.png").unlink()
    made = make_study(four, StudySettings())
    assert "1 of 6 pictures are left out" in made.notes[0]
    (four[SYSTEMS[1]] / "key-1.png").write_bytes(encode(photo[:30, :64], "png"))
    with pytest.raises(UsageError, match=r"key-1: .*64x48 and birch-system has 64x30"):
        make_study(four, StudySettings())


def test_a_strongly_recolored_person_fits_its_place_worse_than_the_untouched_one(test_data):
    people = test_data / "people"
    worse = []
    for number in ("0080", "0083", "0085", "0180", "0181", "0184"):  # validation photos
        photo = read(people / "photos" / f"{number}.jpg").rgb
        mask = read_mask(people / "masks" / f"{number}.png").pixels
        alpha = mask[..., None] / 255
        recolored = np.clip(photo * np.array([0.5, 0.9, 1.6]), 0, 255)
        composite = np.rint(recolored * alpha + photo * (1 - alpha)).astype(np.uint8)
        worse.append(misfit(composite, mask) > misfit(photo, mask))
    assert all(worse)


def test_misfit_is_a_distance_of_means_and_spreads_by_hand():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 255
    grey = np.full((40, 40, 3), 119, np.uint8)
    assert misfit(grey, mask) == pytest.approx(0, abs=1e-9)
    white = grey.copy()
    white[10:30, 10:30] = 255
    # L of sRGB 119 is 50.034, of white 100 (CIE 1976, by hand); a and b are 0 and nothing spreads
    assert misfit(white, mask) == pytest.approx(100 - 50.034, abs=0.01)
    assert np.isnan(misfit(grey, np.zeros_like(mask)))
    assert np.isnan(misfit(grey, np.full_like(mask, 255)))
    with pytest.raises(PictureError, match="the mask is 40x20 and the picture 40x40"):
        misfit(grey, mask[:20])


def test_hardest_keeps_the_keys_whose_person_fits_worst(tmp_path, photo):
    made = folders(tmp_path, photo, ("one", "two"), keys=4)
    masks = tmp_path / "masks"
    masks.mkdir()
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 16:48] = 255
    for n in range(4):
        (masks / f"key-{n}.png").write_bytes(encode(mask, "png"))
    for folder in made.values():
        pixels = read(folder / "key-2.png").pixels.copy()
        pixels[12:36, 16:48] = (0, 255, 0)
        (folder / "key-2.png").write_bytes(encode(pixels, "png"))
    study_ = make_study(made, StudySettings(hardest=1), Sources(masks=masks))
    assert [question.key for question in study_.questions] == ["key-2"]


def ask_all(made, path, rater, choose):
    """A file as the page writes it, with choices by the systems shown."""
    key = made.key
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["study", "rater", "pair", "left", "right", "choice", "milliseconds"])
        for number, question in key["questions"].items():
            systems = [key["pictures"][name]["system"] for name in question["shown"]]
            lines.writerow([key["study"], rater, number, *question["shown"], choose(*systems), 900])
    return path


def test_the_two_commands_make_a_page_and_fit_its_answers(four, tmp_path):
    run = CliRunner()
    out = tmp_path / "study.html"
    made = run.invoke(study, ["make", *map(str, four.values()), "-o", str(out), "--side", "32"], catch_exceptions=False)
    assert made.exit_code == 0
    assert made.stdout == ""
    assert "36 questions" in made.stderr
    key = json.loads((tmp_path / "study.key.json").read_text())
    files = []
    for rater in ("ann", "bob"):
        stand_in = type("Made", (), {"key": key})
        chosen = lambda left, right: "left" if left < right else "right"  # noqa: E731 - alder is best, dogwood worst
        files.append(str(ask_all(stand_in, tmp_path / f"answers-{rater}.csv", rater, chosen)))
    fitted = run.invoke(study, ["fit", *files], catch_exceptions=False)
    rows = list(csv.DictReader(fitted.stdout.splitlines()))
    assert [row["system"] for row in rows] == list(SYSTEMS)
    assert rows[0]["over dogwood-system"] == "12"
    assert "72 answers of 2 raters" in fitted.stderr
    lines = run.invoke(study, ["fit", *files, "--json", "-q"], catch_exceptions=False)
    assert lines.stderr == ""
    assert [json.loads(line)["system"] for line in lines.stdout.splitlines()] == list(SYSTEMS)
    assert json.loads(lines.stdout.splitlines()[0])["over"]["dogwood-system"] == 12


@pytest.fixture
def asked(four, tmp_path):
    made = make_study(four, StudySettings(side=32))
    key = write(made, tmp_path / "study.html")
    return made, key, ask_all(made, tmp_path / "answers-ann.csv", "ann", lambda *_: "tie")


def test_the_same_answers_twice_count_once(asked, tmp_path):
    _, _, file = asked
    copy = tmp_path / "answers-ann (1).csv"
    copy.write_bytes(file.read_bytes())
    found = read_answers([file, copy])
    assert len(found.answers) == 36
    assert found.notes == ("36 answers stand in more than one place, and count once",)


def test_two_answers_of_one_rater_to_one_question_are_refused(asked, tmp_path):
    made, _, file = asked
    other = ask_all(made, tmp_path / "other.csv", "ann", lambda *_: "left")
    with pytest.raises(
        UsageError, match=r"other.csv, line 2: ann answered q\d+ otherwise in .*answers-ann.csv, line 2"
    ):
        read_answers([file, other])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: "", "bad.csv is no file of answers: its first line is not study,rater,pair"),
        (lambda text: "a,b\n1,2\n", "bad.csv is no file of answers"),
        (lambda text: text.replace(",tie,", ",maybe,", 1), "bad.csv, line 2: the choice is 'maybe'"),
        (lambda text: text.replace(",tie,900", ",tie", 1), "bad.csv, line 2: 6 cells where 7 should be"),
        (lambda text: text.replace(",q0", ",x0", 1), "bad.csv, line 2: the study has no question 'x0"),
        (lambda text: text.replace("ann,q0001,", "ann,q0002,", 1), "bad.csv, line 2: q0002 showed other pictures"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_line_and_reason(asked, tmp_path, spoil, told):
    _, key, file = asked
    bad = tmp_path / "bad.csv"
    bad.write_text(spoil(file.read_text()))
    with pytest.raises(UsageError) as caught:
        read_answers([file, bad], key)
    assert told in str(caught.value)


def test_answers_of_another_study_are_refused(asked, four, tmp_path):
    _, key, file = asked
    other = make_study(four, StudySettings(side=32, seed=9))
    foreign = ask_all(other, tmp_path / "foreign.csv", "bob", lambda *_: "tie")
    with pytest.raises(UsageError, match=r"foreign.csv, line 2: answers of study \w+, and the key is that of"):
        read_answers([file, foreign], key)
    with pytest.raises(UsageError, match="answers of 2 studies cannot be fitted together"):
        read_answers([file, foreign])
    with pytest.raises(UsageError, match=r"no key of study \w+ beside the answers"):
        read_answers([foreign])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["one"], "two or more"),
        (["one", "two", "--kind", "top3"], "three systems or more"),
        (["one", "two", "--hardest", "3"], "--hardest N and --mask MASKS go together"),
        (["one", "two", "--foreground", "one"], "--kind top3 only"),
        (["one", "two", "--pairs", "9"], "make only 2 pairs"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(tmp_path, photo, monkeypatch, arguments, told):
    folders(tmp_path, photo, ("one", "two"), keys=2)
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(study, ["make", *arguments, "-o", "study.html"])
    assert isinstance(found.exception, UsageError)
    assert told in str(found.exception)
