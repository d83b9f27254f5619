"""What is to be served, as one process reports it to another."""

from dataclasses import asdict

import orjson

from serving.model.copies import folder_of, keep_as_last_known_good
from serving.model.status import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_ALIASES,
    MOST_BYTES,
    MOST_VERSIONS,
    Listing,
    Refusal,
    Status,
    at_start,
    bounded,
    shortened,
)
from serving.settings import NOT_ASKED


def test_a_status_is_the_same_after_it_was_sent():
    listings = {"mnist-digits": Listing(("1", "2"), {"champion": "2"}, ("a", "b"))}
    refused = Refusal("mnist-digits", "3", "altered")
    status = Status("mnist-digits", "2", None, refused, listings, "b")
    assert Status.from_fields(asdict(status)) == status
    assert Status.from_fields(asdict(Status())) == Status()


def test_listings_are_as_long_as_they_may_be():
    listings = {"mnist-digits": Listing(("1", "2"), {"a": "1", "champion": "2"}, ("a", "b"))}
    assert bounded(listings) == listings
    long = {"mnist-digits": Listing(tuple(map(str, range(MOST_VERSIONS + 1))))}
    assert bounded(long)["mnist-digits"].versions == long["mnist-digits"].versions[1:]


def test_a_shorter_listing_has_the_newest_versions_and_says_that_there_are_older_ones():
    listing = Listing(("1", "2", "3"), {"a": "1", "champion": "1"}, ("x", "y", "z"))
    assert listing.newest(2) == Listing(("2", "3"), listing.aliases, ("y", "z"), older=True)
    assert listing.newest(1).aliases == {"champion": "1"}
    assert listing.newest(3) == listing
    assert listing.newest(2).newest(2).older


def test_of_many_aliases_the_champion_is_kept():
    aliases = {f"alias-{number:03}": "1" for number in range(MOST_ALIASES)} | {"champion": "1"}
    found = Listing(("1",), aliases).newest(MOST_VERSIONS).aliases
    assert len(found) == MOST_ALIASES and "champion" in found


def test_listings_that_are_too_long_for_a_message_get_shorter_until_they_fit():
    run = "r" * 32
    versions = tuple(str(number) for number in range(1000))
    many = {f"model-{i}": Listing(versions, {}, (run,) * 1000) for i in range(40)}
    fitting = bounded(many)
    assert fitting.keys() == many.keys()
    assert MOST_BYTES / 3 < len(orjson.dumps(fitting)) <= MOST_BYTES
    assert all(found.versions[-1] == "999" and found.older for found in fitting.values())


def test_of_each_of_very_many_models_one_version_and_the_champion_are_left():
    listing = Listing(("1", "2"), {"champion": "2", "previous": "1"})
    many = {f"{i:05}" + "x" * (LONGEST_NAME - 5): listing for i in range(3000)}
    for found in bounded(many).values():
        assert (found.versions, found.aliases) == (("2",), {"champion": "2"})


def test_at_first_the_registry_was_not_asked():
    assert (Status().name, Status().version, Status().refused) == (None, None, None)
    assert Status().registry_error == NOT_ASKED


def test_an_errors_text_is_cut_where_a_message_would_be_too_long():
    assert shortened("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    cut = shortened("x" * LONGEST_TEXT + "y")
    assert (len(cut), cut[-2:]) == (LONGEST_TEXT, "x…")


def put(home, name: str, version: str) -> None:
    folder_of(home, name, version).mkdir(parents=True)
    keep_as_last_known_good(home, name, "champion", version)


def test_at_the_start_what_served_last_serves_unconfirmed(tmp_path):
    assert at_start(tmp_path) == Status()
    put(tmp_path, "offline-digits", "7")
    assert at_start(tmp_path) == Status("offline-digits", "7")
    put(tmp_path, "mnist-digits", "3")
    found = at_start(tmp_path)
    assert (found.name, found.version, found.registry_error) == ("mnist-digits", "3", NOT_ASKED)
