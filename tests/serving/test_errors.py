"""Each error has the HTTP status that says the same to a client."""

import inspect

import pytest

from serving import errors
from serving.errors import MethodNotAllowed, ServingError

STATUSES = {
    "ServingError": 400,
    "InvalidRequest": 400,
    "InvalidDigits": 422,
    "InvalidImage": 422,
    "NoInk": 422,
    "Unauthorised": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "Conflict": 409,
    "TooSlow": 408,
    "TooLarge": 413,
    "WrongMediaType": 415,
    "WrongContentEncoding": 415,
    "Busy": 503,
    "NotReady": 503,
    "NoChampion": 404,
    "RegistryUnavailable": 503,
    "UnverifiedModel": 503,
}


@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_an_error_has_its_status(name, status):
    assert getattr(errors, name).status == status


def test_every_error_is_one_that_the_service_reports():
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(kind, ServingError) for kind in found)


def test_a_method_that_is_not_allowed_names_those_that_are():
    error = MethodNotAllowed("GET is not.", "POST")
    assert (str(error), error.allowed) == ("GET is not.", "POST")
