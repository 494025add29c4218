"""Which fields of the pages' forms somebody writes in, and what they are called where a draft is shown."""

from flask_babel import gettext as _

WRITTEN = frozenset(
    {
        *("title", "body", "body_en", "account", "reason", "remark", "note", "place", "link", "day", "starts", "ends"),
        *("happened_on", "minutes", "mark", "days_present", "first_on", "last_on", "starts_on", "login", "leader"),
        *("host", "host_login", "mentor", "name", "region", "region_code", "phone", "email", "subject", "places"),
        *("issuer", "client_id", "deployment_ids", "authorization_url", "key_set_url", "token_url", "token_audience"),
    }
)
"""Names of fields that people write in; whatever else a form holds goes along unseen."""
_LONG = frozenset({"body", "body_en", "account", "reason", "remark", "note", "deployment_ids"})
_DAYS = frozenset({"day", "happened_on", "first_on", "last_on", "starts_on"})
_TIMES = frozenset({"starts", "ends"})


def kind_of(name: str) -> str:
    """The kind of field that fits what is written in it, for the macro that draws fields."""
    if name in _LONG:
        return "textarea"
    return "date" if name in _DAYS else "time" if name in _TIMES else "text"


def label_of(name: str) -> str:
    """What a field of WRITTEN is called."""
    labels = {
        "title": _("Title"),
        "body": _("Text"),
        "body_en": _("Text in English"),
        "account": _("What happened, and what would be right?"),
        "reason": _("Reason"),
        "remark": _("Remark"),
        "note": _("What to know"),
        "place": _("Place"),
        "link": _("Link"),
        "day": _("Day"),
        "starts": _("From"),
        "ends": _("To"),
        "happened_on": _("On which day?"),
        "minutes": _("How many minutes"),
        "mark": _("Mark from 0 to 100"),
        "days_present": _("Days present"),
        "first_on": _("First day"),
        "last_on": _("Last day"),
        "starts_on": _("First day"),
        "login": _("Account"),
        "leader": _("Led by (account)"),
        "host": _("Where"),
        "host_login": _("Account of who confirms the months there"),
        "mentor": _("Teacher to shadow"),
        "name": _("Name"),
        "region": _("Code of the region"),
        "region_code": _("Code of school or region"),
        "phone": _("Telephone"),
        "email": _("E-mail"),
        "subject": _("Subject taught"),
        "places": _("Places"),
        "issuer": _("Issuer"),
        "client_id": _("Client ID"),
        "deployment_ids": _("Deployment IDs"),
        "authorization_url": _("Authorization address"),
        "key_set_url": _("Key set address"),
        "token_url": _("Token address"),
        "token_audience": _("Audience of token requests"),
    }
    return str(labels[name])
