"""MLflow's webhook: a signed word that an alias has moved.

https://mlflow.org/docs/latest/ml/webhooks: HMAC-SHA256 over "delivery id.timestamp.body".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from serving.errors import Forbidden, NotFound
from serving.http import Request

MAX_AGE_SECONDS = 300


def verify(request: Request, secret: str) -> None:
    """Check who sent it; what it says is then read in the registry, not in the body.

    Raises:
        NotFound: no secret is agreed, so that no webhook is taken.
        Forbidden: it is not signed with the secret, or is too old.
    """
    if not secret:
        raise NotFound("No webhook is taken here; set ANN_WEBHOOK_SECRET to the webhook's secret.")
    delivery, timestamp = (
        request.header(b"x-mlflow-delivery-id"),
        request.header(b"x-mlflow-timestamp"),
    )
    signed = f"{delivery}.{timestamp}.".encode() + request.body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    if not hmac.compare_digest(expected, request.headers.get(b"x-mlflow-signature", b"")):
        raise Forbidden("The signature is not that of ANN_WEBHOOK_SECRET and this body.")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS:
        raise Forbidden(f"The timestamp is {timestamp[:20]!r}; expected one of the last 5 minutes.")
