"""What an import has to say of single rows of a file: faults that stop a row, notices that do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
    # the cell itself
    "number_lost_digits": "{value} has more than 15 digits, and Excel has replaced the last ones by zeros; "
    "format the column as text and type it again",
    "number_in_scientific_notation": "{value} has lost digits; format the column as text and type it again",
    "cell_is_error": "the cell shows the error {value}",
    "too_many_cells": "the row has more cells than the header",
    # people
    "login_missing": "there is no login",
    "login_malformed": "{value} cannot be a login: 2 to 80 letters, digits or . _ - @ + without blanks",
    "login_twice": "the login stands in row {first_row} already",
    "login_taken": "this login belongs to somebody you do not answer for",
    "account_closed": "this account is closed",
    "name_missing": "there is no name",
    "name_malformed": "the name is longer than 120 characters or has invisible ones",
    "email_malformed": "{value} is no e-mail address",
    "language_unknown": "{value} is no language of this service: zh or en",
    "lms_username_malformed": "{value} cannot be an LMS user name: 1 to 150 letters, digits or . _ - @ +",
    "lms_username_twice": "the LMS user name stands in row {first_row} already",
    "lms_username_taken": "the LMS user name {value} belongs to another account",
    "role_unknown": "{value} is no role: learner, tutor, provider or office",
    "password_too_short": "the password is shorter than {shortest} characters",
    "password_too_long": "the password is longer than {longest} characters",
    "password_is_login": "the password is the login",
    "password_too_common": "the password is one of the commonest",
    "password_unchanged": "the account exists, so its password stays as it is",
    # where
    "region_missing": "there is no region code; one inside your own region is needed",
    "region_unknown": "there is no region with the code {value}",
    "region_not_imported": "{value} is {name}, which is not among the regions here yet",
    "region_outside_scope": "the region {value} is not one you answer for",
    "region_needed_for_role": "the roles office and provider need a region code, or * for every region",
    "everywhere_not_allowed": "only an admin of every region can give a role everywhere",
    "everywhere_needs_role": "* is only for the roles office and provider",
    # programmes
    "programme_unknown": "there is no programme with the key {value}",
    "programme_missing": "a class group needs a programme",
    "programme_needs_role": "only learners and tutors take part in a programme",
    "programme_full": "the programme, or the phase or tier, has no place left",
    "quota_used_up": "the region has no place left in the programme",
    "class_group_missing": "a tutor needs a class group in the programme",
    "class_group_too_long": "the name of the class group is longer than 120 characters",
    "class_group_outside_scope": "the class group has members you do not answer for",
    "learns_and_tutors": "nobody can be learner and tutor in one programme",
    "class_group_full": "the class group {group} holds {limit} learners at most, and has no place left",
    "class_group_moves": "the learner moves here from another class group",
    "place_needs_programme": "a phase or tier needs a programme",
    "phase_unknown": "the programme has no phase {value}: {known}",
    "tier_unknown": "the programme has no tier {value}: {known}",
    "variant_stays": "the learner is enrolled already: phase and tier stay as they are",
    "enrolment_withdrawn": "the learner has withdrawn from the programme, and stays so",
    # marks of an examination
    "candidate_unknown": "nobody you answer for takes this programme with the login {value}",
    "candidate_name_differs": "the login belongs to {name}, not to {value}",
    "candidate_withdrawn": "this learner has left the programme",
    "mark_missing": "there is no mark",
    "mark_malformed": "{value} is no mark: a whole number from 0 to 100",
    "remark_too_long": "the remark is longer than 500 characters",
    "own_examination": "nobody enters a mark of their own",
    "marker_taught_class": "you taught this learner's class; who teaches does not examine",
    "examination_passed": "this learner has passed already",
    "attempts_used_up": "all {most} attempts are used up",
    # completed elsewhere
    "learner_missing": "there is neither an account nor a registration number",
    "registration_unknown": "nobody you answer for takes this programme with the registration number {value}",
    "registration_of_another": "the registration number {value} is not that of this account",
    "cell_missing": "the cell is empty, and it is needed",
    "cell_too_long": "the text is longer than {longest} characters",
    "component_unknown": "the programme of that day has no component {value}",
    "component_takes_none": "{value} takes no hours from elsewhere",
    "component_stays": "this was entered for {value} and counts there; take it back first",
    "hours_missing": "there are neither class hours nor minutes",
    "hours_and_minutes": "there are both class hours and minutes; one of them is needed",
    "hours_malformed": "{value} is no number of class hours or minutes",
    "hours_over_most": "one completion can be {most} hours at most",
    "completed_on_malformed": "{value} is no date such as 2026-11-30",
    "completed_on_to_come": "{value} has yet to come",
    "completed_on_outside_window": "{value} is outside of the learner's dates, {opens} to {closes}",
    "reference_twice": "the same certificate stands in row {first_row} already",
    "change_needs_reason": "{value} was entered otherwise before; a change needs its reason",
    "elsewhere_own": "nobody enters hours of their own",
    # regions
    "code_missing": "there is no code",
    "code_malformed": "{value} cannot be a code: 1 to 40 letters, digits, . _ or -",
    "code_twice": "the code stands in row {first_row} already",
    "level_missing": "there is no level",
    "level_unknown": "{value} is no level: province, city, county or school",
    "parent_missing": "a {level} needs the code of the region above it",
    "parent_not_allowed": "a province has no region above it",
    "parent_unknown": "there is no region with the code {value}, neither here nor in this file",
    "parent_faulty": "the region above it, {value}, has a fault of its own",
    "parent_not_above": "{value} is a {parent_level}, which cannot stand above a {level}",
    "province_outside_scope": "only an admin of every region can add or rename a province",
    "region_moves": "the region exists under another region or at another level; it cannot be moved by a file",
    # quotas
    "places_missing": "there is no number of places",
    "places_malformed": "{value} is no number of places: 0 to 10000000",
    "region_twice": "the region stands in row {first_row} already",
    "quota_over": "{name} has {places} places, and the regions below it would have {given}",
    "quota_over_programme": "the programme has {places} places, and the regions would have {given}",
    "quota_below_used": "{used} places of this region are taken already",
    # nominations
    "contact_missing": "there is neither a telephone number nor an e-mail address",
    "subject_too_long": "the subject is longer than 60 characters",
    "already_nominated": "this person is nominated already",
    "already_enrolled": "this person is enrolled already",
    "name_differs": "the account belongs to {known}",
    "phone_malformed": "{value} is no telephone number",
    "degree_unknown": "{value} is no degree of this service",
    "title_unknown": "{value} is no professional title of this service",
    "teaching_years_malformed": "{value} is no number of years: 0 to 60",
    "born_on_malformed": "{value} is no date of birth such as 1985-03-01",
    "sex_unknown": "{value} is no sex: male or female",
    "is_rural_unknown": "{value} is neither yes nor no",
}
"""An English sentence for every code, with the names of its params; pages translate it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one row: its number as a spreadsheet shows it, the column's key, a stable code and figures."""

    row: int
    column: str | None
    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f"row {self.row}, {self.column}" if self.column is not None else f"row {self.row}"
        return f"{place}: {SENTENCES[self.code].format(**self.params)}"
