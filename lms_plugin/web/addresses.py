"""Addresses that come from outside: where to go on after signing in or choosing a language."""

from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect


def here_or_home(target: str | None) -> str:
    """The address on this host that `target` names, or the home page: never another host, however it is written."""
    if target is None or not _is_local(target):
        return url_for("pages.home")
    return target


def comes_from_here() -> bool:
    """Whether the browser says that a page of this host sent the request."""
    sender = request.headers.get("Origin") or request.headers.get("Referer")
    return sender is not None and urlsplit(sender).netloc == request.host


def form_page() -> str:
    """The address of the page whose form sent this request, to come back to; the home page where it is not known."""
    if not comes_from_here():
        return url_for("pages.home")
    sender = urlsplit(request.headers.get("Referer", ""))
    address = f"{sender.path}?{sender.query}" if sender.query else sender.path
    if sender.netloc == request.host and _is_local(address) and _is_page(sender.path):
        return address
    return request.path if _is_page(request.path) else url_for("pages.home")


def _is_page(path: str) -> bool:
    """Whether a page can be asked for at a path, other than the one that signs in."""
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        raise AssertionError("unreachable")
    try:
        endpoint, _values = adapter.match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return str(endpoint).startswith("pages.") and endpoint != "pages.login"


def _is_local(target: str) -> bool:
    # Browsers drop control characters and read a backslash as a slash before they look at an address.
    if not target.startswith("/") or target.startswith("//") or "\\" in target:
        return False
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in target):
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc
