"""Addresses that come from outside: where to go on after signing in or choosing a language."""

from urllib.parse import urlsplit

from flask import request, url_for


def here_or_home(target: str | None) -> str:
    """The address on this host that `target` names, or the home page: never another host, however it is written."""
    if target is None or not _is_local(target):
        return url_for("pages.home")
    return target


def comes_from_here() -> bool:
    """Whether the browser says that a page of this host sent the request."""
    sender = request.headers.get("Origin") or request.headers.get("Referer")
    return sender is not None and urlsplit(sender).netloc == request.host


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
