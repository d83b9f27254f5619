"""What can go wrong in data, networks and training: one small tree, each leaf with a next step."""


class AnnError(Exception):
    """A mistake or misfortune that a person can act on; its message says how."""


class UnknownName(AnnError):
    """A variant or data set of that name does not exist."""


class InvalidData(AnnError):
    """Data was found, but it is not what it must be (shape, type, value, hash)."""


class DataUnavailable(AnnError):
    """Data cannot be had: not on this machine and not to be downloaded."""


class TrainingDiverged(AnnError):
    """A loss stopped being a finite number."""


class UnsupportedLayer(AnnError):
    """A network has a layer that cannot be brought into ONNX form."""


class InvalidSetting(AnnError):
    """A setting of a variant has a value that it cannot have, or does not exist."""
