"""The errors Tidings raises on purpose. Each message names what is wrong and what to do."""


class TidingsError(Exception):
    """Anything a user can act on; the command line prints it as one line and exits 1."""

    exit_code = 1


class ConfigError(TidingsError):
    """Wrong usage or configuration: exit 2."""

    exit_code = 2


class ModelError(ConfigError):
    """The model is missing, damaged or not what its manifest says: exit 2."""


class InvalidMessage(TidingsError):
    """A message that cannot become an Item: it goes to the dead letters.

    `reason` is a short stable word (for counting); `detail` says which field and what is wrong.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Refused(TidingsError):
    """The store will never take these rows, whenever they come: the batch is split until the bad row is found."""


class Unavailable(TidingsError):
    """Something outside (broker, store, SMTP, HTTP) cannot be reached now; trying again may help.

    At start-up the command line exits 2 with its message; while running, callers back off and retry, after
    `retry_after_seconds` at the earliest where the other side said so.
    """

    exit_code = 2

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
