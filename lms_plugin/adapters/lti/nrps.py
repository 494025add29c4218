"""Reads the roster of a context: Names and Role Provisioning Services 2.0.

Nothing is asked of the address but what the platform has put into it: pages and differences are followed by the
addresses that the platform names in Link headers (2.4.2 and 2.5), on its own host only, as the access token goes there.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from lms_plugin.adapters.exchanges import Undelivered
from lms_plugin.adapters.guarded_http import AddressRefused
from lms_plugin.adapters.http_answers import on_one_line, platform_words
from lms_plugin.adapters.lti.access_tokens import AccessTokens
from lms_plugin.adapters.origin_clients import address_of
from lms_plugin.services.roster_ports import INSTRUCTOR, LEARNER, Member, MemberStatus, PlatformUnread, Roster

SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
CONTAINER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
PAGES_READ = 2_000
LONGEST_SUBJECT, LONGEST_NAME = 255, 120

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)
# Context roles (LTI 1.3 core, A.2.3): whole URIs, those of a more special kind, and the short names of before.
_ROLE = re.compile(r"(?:http://purl\.imsglobal\.org/vocab/lis/v2/membership(?:/(?P<of>\w+))?#)?(?P<name>\w+)")
_ROLES = {"Instructor": INSTRUCTOR, "Learner": LEARNER}


class MembershipService:
    """The rosters of one platform; safe to share between threads."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def roster(self, memberships_url: str) -> Roster:
        """Everybody in a context.

        Raises:
            PlatformUnread: the platform gives no complete list.
        """
        return self._read(memberships_url, is_whole=True)

    def differences(self, differences_url: str) -> Roster:
        """Whose membership has changed since the roster was read that named this address (2.5).

        Raises:
            PlatformUnread: as `roster`.
        """
        return self._read(differences_url, is_whole=False)

    def _read(self, url: str, *, is_whole: bool) -> Roster:
        members: dict[str, Member] = {}
        differences: str | None = None
        following: str | None = url
        seen = set()
        for _ in range(PAGES_READ):
            if following is None:
                return Roster(members, is_whole, differences)
            if following in seen:
                raise PlatformUnread(words="the platform's pages lead in a circle")
            seen.add(following)
            rows, links = self._page(following)
            for row in rows:
                one = _member(row)
                if one is not None:
                    members[one.subject] = one
            # Of several pages the first one knows since when something can have changed.
            differences = differences or _differences(url, following, links.get("differences"))
            following = _beside(url, following, links.get("next"))
        raise PlatformUnread(words=f"the roster has more than {PAGES_READ} pages")

    def _page(self, url: str) -> tuple[list[object], dict[str, str]]:
        """(members, addresses by relation) of one page."""
        try:
            answer = self._tokens.request("GET", url, scope=SCOPE, headers={"Accept": CONTAINER})
        except Undelivered as outcome:
            raise PlatformUnread(words=outcome.answer.words) from outcome
        if answer.status != HTTPStatus.OK:
            raise PlatformUnread(words=platform_words(answer))
        members = answer.json_object().get("members")
        if not isinstance(members, list):
            raise PlatformUnread(words="the answer is not the platform's: it has no members")
        return members, dict(links_of(answer.headers.get("link", "")))


def links_of(header: str) -> Iterator[tuple[str, str]]:
    """(relation, address) of what a Link header names (RFC 8288, 3)."""
    for found in _LINK.finditer(header):
        relation = _REL.search(found[2])
        if relation is not None:
            for one in (relation[1] or relation[2] or "").lower().split():
                yield one, found[1]


def roles_of(said: object) -> frozenset[str]:
    """Which of INSTRUCTOR and LEARNER a member's roles are; roles at the institution or in the system are none."""
    found = set()
    for one in said if isinstance(said, list) else ():
        matched = _ROLE.fullmatch(one) if isinstance(one, str) else None
        if matched is not None:
            known = _ROLES.get(matched["of"] or matched["name"])
            if known is not None:
                found.add(known)
    return frozenset(found)


def _member(row: object) -> Member | None:
    """A member as a roster says it; None for one without a name or status that could be known here.

    Raises:
        PlatformUnread: it is no member at all.
    """
    if not isinstance(row, dict):
        raise PlatformUnread(words="the answer is not the platform's: a member is no object")
    subject = row.get("user_id")
    if not isinstance(subject, str) or not subject or len(subject) > LONGEST_SUBJECT:
        return None
    try:
        status = MemberStatus(row.get("status") or MemberStatus.ACTIVE)
    except ValueError:
        return None
    name = row.get("name")
    shown = on_one_line(name)[:LONGEST_NAME] if isinstance(name, str) else ""
    return Member(subject, status, roles_of(row.get("roles")), shown)


def _differences(first: str, base: str, link: str | None) -> str | None:
    """Where differences are told; one that leads elsewhere is not asked: the whole roster says the same."""
    try:
        return _beside(first, base, link)
    except PlatformUnread:
        return None


def _beside(first: str, base: str, link: str | None) -> str | None:
    """A linked address as a whole one, which has to be on the host of the roster itself."""
    if link is None:
        return None
    try:
        found = str(httpx.URL(base).join(link))
        is_beside = address_of(found).origin == address_of(first).origin
    except (httpx.InvalidURL, AddressRefused) as fault:
        raise PlatformUnread(words=on_one_line(f"the roster goes on at {link}, which is no address")) from fault
    if not is_beside:
        raise PlatformUnread(words=on_one_line(f"the roster goes on at {link}, on another host"))
    return found
