"""What a learner's pages show of modules, and the regions an office admin can pick."""

from datetime import timedelta

import pytest

from lms_plugin.domain.errors import NotFound
from lms_plugin.services import access, regions, study
from lms_plugin.services.access import Scope
from lms_plugin.storage.session import Database
from tests import builders
from tests.builders import NOW


def test_modules_say_what_of_their_films_is_counted_and_where_the_learner_stopped(database: Database) -> None:
    with database.writing() as session:
        user = builders.make_user(session)
        current = builders.publish(session, durations_ms={"reading": 60_000})
        enrolment = builders.enrol(session, user, current)
        actor = builders.actor_for(session, user)
        video = builders.video_of(session, current)
        builders.watch(session, actor, enrolment, video, 20_000, opened_at=NOW)
        builders.watch(session, actor, enrolment, video, 50_000, from_ms=40_000, opened_at=NOW + timedelta(minutes=5))

        begun, without_film = study.modules(session, current, enrolment)

    assert begun.covered == ((0, 20_000), (40_000, 50_000))
    assert (begun.covered_ms, begun.resume_at_ms, begun.is_whole) == (30_000, 50_000, False)
    assert (without_film.video, without_film.covered, without_film.is_whole) == (None, (), False)


def test_a_film_that_is_covered_from_end_to_end_is_whole(database: Database) -> None:
    with database.writing() as session:
        user = builders.make_user(session)
        current = builders.publish(session, durations_ms={"reading": 60_000})
        enrolment = builders.enrol(session, user, current)
        video = builders.video_of(session, current)
        builders.watch(session, builders.actor_for(session, user), enrolment, video, 60_000)

        found = study.module(session, current, enrolment, video.module_id)

    assert found.is_whole


def test_a_module_that_left_the_programme_is_not_found(database: Database) -> None:
    with database.writing() as session:
        user = builders.make_user(session)
        current = builders.publish(session)
        enrolment = builders.enrol(session, user, current)
        module_id = builders.video_of(session, current).module_id
        current = builders.publish(session, builders.make_programme(modules=current.programme.modules[1:]))

        with pytest.raises(NotFound):
            study.module(session, current, enrolment, module_id)


def test_an_enrolment_names_its_learner_and_class_group(database: Database) -> None:
    with database.writing() as session:
        current = builders.publish(session)
        group = builders.make_class_group(session, current, "三班")
        grouped = builders.enrol(session, builders.make_user(session, "a", name="王丽"), current, group=group)
        single = builders.enrol(session, builders.make_user(session, "b", name="陈静"), current)

        assert study.who_and_where(session, grouped) == study.WhoAndWhere("王丽", "三班")
        assert study.who_and_where(session, single) == study.WhoAndWhere("陈静", None)


def names(found: regions.RegionChoices) -> tuple[str | None, list[str], list[str]]:
    chosen = found.chosen.name if found.chosen is not None else None
    return chosen, [one.name for one in found.above], [one.name for one in found.below]


def test_regions_are_picked_one_level_at_a_time(database: Database) -> None:
    with database.writing() as session:
        tree = builders.make_region_tree(session)
        city_office = builders.make_user(session, "city", access.OFFICE, scope=tree.city)
        everywhere, city = Scope(None), access.office_scope(builders.actor_for(session, city_office))

        assert names(regions.choices(session, everywhere, None)) == (None, [], ["云南省", "甘肃省"])
        county = names(regions.choices(session, everywhere, "530102"))
        assert county == ("五华区", ["云南省", "昆明市"], ["莲华小学", "厂口中学"])
        assert names(regions.choices(session, city, None)) == (None, [], ["昆明市"])
        assert names(regions.choices(session, city, "530102")) == ("五华区", ["昆明市"], ["莲华小学", "厂口中学"])
        for outside in ("530000", "620000", "621202-001", "no-such"):
            with pytest.raises(NotFound):
                regions.choices(session, city, outside)
