"""Facts that stop a use case. Each has a stable code; the outer layers map codes to HTTP and to sentences once."""


class Refusal(Exception):
    """Base of every refusal the domain or a service can give.

    `code` is stable and machine-readable, `params` fill the sentence shown to a person (zh and en), and
    `kind` says which family of answer it is: malformed, unauthenticated, forbidden, missing, conflict,
    too_large, throttled or unavailable.
    """

    code = "refused"
    kind = "conflict"

    def __init__(self, code: str | None = None, **params: object) -> None:
        if code is not None:
            self.code = code
        self.params = params
        super().__init__(self.code, params)

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        return f"{self.code} ({details})" if details else self.code


class Malformed(Refusal):
    """The input has the wrong form; `params['faults']`, where given, lists every one of them."""

    code = "malformed"
    kind = "malformed"


class NotAuthenticated(Refusal):
    code = "not_authenticated"
    kind = "unauthenticated"


class NotAllowed(Refusal):
    """The person may know that the thing exists, but may not do this to it."""

    code = "not_allowed"
    kind = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or none this person may know of."""

    code = "not_found"
    kind = "missing"


class Conflict(Refusal):
    code = "conflict"
    kind = "conflict"


class OutsideWindow(Conflict):
    """The programme's window is not open at this moment."""

    code = "outside_window"


class MarkerTaughtClass(NotAllowed):
    """Teaching and examining are separate: who taught a class does not enter or change its examination marks."""

    code = "marker_taught_class"


class TooLarge(Refusal):
    code = "too_large"
    kind = "too_large"


class Throttled(Refusal):
    """Too many attempts; `params['retry_after_seconds']` says when to come back."""

    code = "throttled"
    kind = "throttled"


class Unavailable(Refusal):
    """The store cannot answer at present; nothing was changed."""

    code = "unavailable"
    kind = "unavailable"
