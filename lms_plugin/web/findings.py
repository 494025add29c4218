"""What an import has to say of single rows, in the language of the page: columns, sentences, figures."""

from flask_babel import gettext as _

from lms_plugin.services.findings import SENTENCES, Finding

LEVEL_PARAMS = ("level", "parent_level")


def sentence(finding: Finding) -> str:
    """What a fault or notice says, without its row and column."""
    levels = {"province": _("Province"), "city": _("City"), "county": _("County"), "school": _("School")}
    params = {
        name: levels.get(str(value), value) if name in LEVEL_PARAMS else value for name, value in finding.params.items()
    }
    return str(_(SENTENCES[finding.code])).format(**params)


def column_names(kind: str) -> dict[str, str]:
    """The columns of a kind of file by their keys, named as its readers know them."""
    if kind == "regions":
        return {
            "code": _("Code"),
            "level": _("Level"),
            "name": _("Region name"),
            "parent_code": _("Code of the region above"),
        }
    return {
        "login": _("Account"),
        "name": _("Name"),
        "role": _("Role"),
        "region_code": _("Region code"),
        "programme": _("Programme"),
        "class_group": _("Class group"),
        "phase": _("Phase"),
        "tier": _("Tier"),
        "email": _("E-mail"),
        "lms_username": _("LMS user name"),
        "language": _("Language"),
        "password": _("First password"),
    }


def column_name(kind: str, key: str | None) -> str:
    """A column as a page names it; a fault of the whole row has none."""
    return column_names(kind).get(key, key) if key is not None else _("Whole row")


def figure_names(kind: str) -> dict[str, str]:
    """What the figures of an import count."""
    if kind == "regions":
        return {"created": _("Regions created"), "renamed": _("Renamed"), "unchanged": _("Unchanged")}
    return {
        "created": _("Accounts created"),
        "updated": _("Updated"),
        "unchanged": _("Unchanged"),
        "enrolled": _("Enrolled"),
        "moved": _("Changes of class group"),
        "tutors": _("Tutors appointed"),
        "class_groups": _("New class groups"),
    }


def kind_names() -> dict[str, str]:
    """The kinds of files, as the form offers them."""
    return {"people": _("Roster of people"), "regions": _("Regions and schools")}
