"""Who goes where: people and places become records of one picture each."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bgswap.errors import UsageError
from bgswap.folders.records import Record


def person_of(record: Record) -> Record:
    """The record with its cut-out, where an earlier command made one, as its person."""
    if "foreground" not in record.paths:
        return record
    return replace(record, paths={"person": record.paths["foreground"], **_without(record, "person")})


def _without(record: Record, role: str) -> dict[str, Path]:
    return {name: path for name, path in record.paths.items() if name != role}


def pair(people: Iterable[Record], places: Sequence[Record], how: str, seed: int) -> Iterator[Record]:
    """Pair people and places: "product" (all), "zip" (in step), "random" (one each, by seed and key).

    The key is the person's, and with several places each `<person key>/<place key>`.
    """
    if how == "zip":
        people = list(people)
        if len(people) != len(places):
            text = f"{len(people)} people and {len(places)} places"
            raise UsageError(f"--pair zip needs as many of both, and there are {text}")
    if not places:
        raise UsageError("no pictures were found to be places")
    for number, person in enumerate(people):
        if how == "product":
            chosen = list(places)
        elif how == "zip":
            chosen = [places[number]]
        else:
            chosen = [random.Random(f"{seed} {person.key}").choice(places)]
        for place in chosen:
            key = f"{person.key}/{place.key}" if len(chosen) > 1 else person.key
            fields = {**person.fields, "person": person.key, "place_key": place.key}
            paths = {**person.paths, **place.paths}
            yield Record(key, paths, fields, person.error or place.error)


def named_after_both(records: Iterable[Record], place: str) -> Iterator[Record]:
    """Keys `<person>_<place>`, for results that no OUT was named for. place: of records that name none."""
    for record in records:
        person = str(record.fields.get("person", record.key)).rpartition("/")[2]
        where = str(record.fields.get("place_key", place)).rpartition("/")[2].lstrip("#")
        yield replace(record, key=f"{person}_{where}")
