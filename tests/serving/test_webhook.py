"""MLflow's webhook: only a fresh one, signed with the agreed secret, is taken."""

import base64
import hashlib
import hmac

import pytest

from serving import webhook
from serving.errors import Forbidden, NotFound
from serving.http import Request

NOW = 1_800_000_000
BODY = '{"entity": "model_version_alias", "action": "created"}'


def sign(secret: str, delivery: str, timestamp: str, body: str) -> str:
    """As MLflow does; `test_app.py` has MLflow sign."""
    signed = f"{delivery}.{timestamp}.{body}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(webhook.time, "time", lambda: NOW + 0.5)


def delivered(
    timestamp: object = NOW, secret: str = "shared", body: str = BODY, delivery: str = "7"
) -> Request:
    """A webhook as MLflow signs it, for BODY and delivery 7."""
    headers = {
        b"x-mlflow-delivery-id": delivery.encode(),
        b"x-mlflow-timestamp": str(timestamp).encode(),
        b"x-mlflow-signature": sign(secret, "7", str(timestamp), BODY).encode(),
    }
    return Request("POST", "/webhooks/registry", b"", headers, {}, "id", body=body.encode())


@pytest.mark.parametrize("age", [0, 299, -299])
def test_a_fresh_one_with_the_secret_is_taken(age):
    webhook.verify(delivered(NOW - age), "shared")


@pytest.mark.parametrize("age", [301, -301])
def test_an_old_one_or_one_from_the_future_is_refused(age):
    with pytest.raises(Forbidden, match=f"timestamp is '{NOW - age}'"):
        webhook.verify(delivered(NOW - age), "shared")


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9"])
def test_a_timestamp_that_is_no_number_is_refused(timestamp):
    with pytest.raises(Forbidden, match="timestamp"):
        webhook.verify(delivered(timestamp), "shared")


def test_a_long_timestamp_is_named_in_part():
    with pytest.raises(Forbidden, match=f"timestamp is '{'9' * 20}'; expected"):
        webhook.verify(delivered("9" * 30), "shared")


@pytest.mark.parametrize(
    "forged",
    [delivered(secret="other"), delivered(body=BODY + " "), delivered(delivery="8")],
    ids=["secret", "body", "delivery"],
)
def test_the_signature_holds_for_secret_body_and_delivery(forged):
    with pytest.raises(Forbidden, match="signature"):
        webhook.verify(forged, "shared")


def test_a_request_without_a_signature_is_refused():
    with pytest.raises(Forbidden, match="signature"):
        webhook.verify(Request("POST", "/webhooks/registry", b"", {}, {}, "id"), "shared")


def test_without_an_agreed_secret_none_is_taken():
    with pytest.raises(NotFound, match="ANN_WEBHOOK_SECRET"):
        webhook.verify(delivered(secret=""), "")
