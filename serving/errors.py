"""What can go wrong with a request: one small tree, each message with a next step."""


class ServingError(Exception):
    """A fault that the sender can act on; its message says how."""


class InvalidImage(ServingError):
    """The bytes are not a picture that can be read: unknown format, damaged, or too large."""


class NoInk(InvalidImage):
    """The picture can be read, but nothing is drawn on it."""


class NoChampion(ServingError):
    """The registry has no model version under the alias."""


class RegistryUnavailable(ServingError):
    """The registry does not answer, or a version's files cannot be brought here."""


class UnverifiedModel(ServingError):
    """A model's files are not what was registered."""
