"""What can go wrong with a request: one small tree, each message with a next step."""


class ServingError(Exception):
    """A fault that the sender can act on; its message says how.

    Attributes:
        status: the HTTP status that says the same.
    """

    status = 400


class InvalidRequest(ServingError):
    """The body is not in the form that its content type or its route asks for."""


class InvalidDigits(ServingError):
    """The body can be read, but its values are no digits' pixels: wrong shape or range."""

    status = 422


class InvalidImage(ServingError):
    """The bytes are not a picture that can be read: unknown format, damaged, or too large."""

    status = 422


class NoInk(InvalidImage):
    """The picture can be read, but nothing is drawn on it."""


class Unauthorised(ServingError):
    """The API key is missing or wrong."""

    status = 401


class Forbidden(ServingError):
    """A webhook's signature is missing, wrong or too old; or a page of another site asks."""

    status = 403


class NotFound(ServingError):
    """There is no such path, model, version, file or prediction."""

    status = 404


class MethodNotAllowed(ServingError):
    """The path is there, but not for this method.

    Attributes:
        allowed: the methods that are, for the header Allow.
    """

    status = 405

    def __init__(self, message: str, allowed: str) -> None:
        """Say what is wrong, and which methods there are."""
        super().__init__(message)
        self.allowed = allowed


class Conflict(ServingError):
    """What is named could be more than one thing."""

    status = 409


class TooSlow(ServingError):
    """The body did not arrive in time."""

    status = 408


class TooLarge(ServingError):
    """The body has more bytes, or more images, than are taken at once."""

    status = 413


class WrongMediaType(ServingError):
    """The content type is none that the route reads."""

    status = 415


class WrongContentEncoding(WrongMediaType):
    """The body is packed otherwise than with gzip."""


class Busy(ServingError):
    """More requests are under way than can be answered in time; the same one may come again."""

    status = 503


class NotReady(Busy):
    """There is no model to answer with yet."""


class NoChampion(ServingError):
    """The registry has no model version under the alias."""

    status = 404


class RegistryUnavailable(ServingError):
    """The registry does not answer, or a version's files cannot be downloaded."""

    status = 503


class UnverifiedModel(ServingError):
    """A model's files are not what was registered."""

    status = 503


class MissingFile(UnverifiedModel):
    """A model's file is not in the artifact store."""


class CannotListen(ServingError):
    """The address or port cannot be listened on."""


class WorkerFailed(ServingError):
    """A worker process ended before it could answer."""


class WrongSetting(ServingError):
    """An environment variable's value cannot be meant."""
