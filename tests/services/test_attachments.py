"""Files handed in: which are taken, where they are kept, and who may see them."""

import hashlib
from pathlib import Path

import pytest

from lms_plugin.domain.errors import NotFound, Unavailable
from lms_plugin.services import attachments, coursework, school_activities
from lms_plugin.services.attachments import MAX_BYTES, Folder, NewFile, faults_of
from lms_plugin.storage.session import Database
from tests.builders import NOW, actor_for, make_class_group, make_user
from tests.services.school_world import JPEG, activity, docx, folder, make_world


@pytest.mark.parametrize(
    ("files", "already", "expected"),
    [
        ([JPEG], 0, []),
        ([NewFile("教案.docx", docx())], 0, []),
        ([JPEG] * 5, 0, []),
        ([JPEG] * 6, 0, ["too_many_files"]),
        ([JPEG], 5, ["too_many_files"]),
        ([NewFile("a.jpg", b"")], 0, ["file_empty"]),
        ([NewFile("a.jpg", b"GIF89a")], 0, []),  # plain text, whatever its name says
        ([NewFile("a.jpg", b"MZ\x00")], 0, ["file_type_unknown"]),
        ([NewFile("a.jpg", JPEG.content + bytes(MAX_BYTES))], 0, ["file_too_large"]),
        ([NewFile("a.exe", b"MZ\x00"), JPEG, NewFile("b", b"")], 0, ["file_type_unknown", "file_empty"]),
    ],
)
def test_files_are_taken_by_size_number_and_content(files: list[NewFile], already: int, expected: list[str]) -> None:
    assert [one.code for one in faults_of(files, already=already)] == expected


def test_a_content_is_kept_once_under_its_sum(database: Database, tmp_path: Path) -> None:
    kept = folder(tmp_path)
    with database.writing() as session:
        world = make_world(session)
        files = [JPEG, NewFile("../../同一张.png", JPEG.content)]
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(), files=files, folder=kept, now=NOW
        )
        other = school_activities.hand_in(
            session, world.mate, world.other_enrolment.id, activity(), files=[files[1]], folder=kept, now=NOW
        )
        (one,) = attachments.of_owner(session, f"activity/{row.id}")
        (again,) = attachments.of_owner(session, f"activity/{other.id}")
    digest = hashlib.sha256(JPEG.content).hexdigest()
    assert (one.name, one.media_type, one.size_bytes, one.digest) == (
        "磨课现场.jpg", "image/jpeg", len(JPEG.content), digest,
    )  # fmt: skip
    assert again.name == "同一张.jpg"
    assert [path.relative_to(kept.root) for path in kept.root.rglob("*") if path.is_file()] == [
        Path(digest[:2]) / digest
    ]
    assert kept.path_of(digest).read_bytes() == JPEG.content
    with database.reading() as session:
        assert attachments.used_by_others(session, [one]) == {one.id: 1}
        assert attachments.used_by_others(session, []) == {}


def test_files_are_seen_by_their_owner_the_tutor_and_the_office_above(database: Database, tmp_path: Path) -> None:
    kept = folder(tmp_path)
    with database.writing() as session:
        world = make_world(session)
        stranger = actor_for(session, make_user(session, "other.tutor", "tutor"))
        make_class_group(session, world.current, "二班")
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(), files=[JPEG], folder=kept, now=NOW
        )
        work = coursework.hand_in(
            session, world.teacher, world.enrolment.id, "homework", 1, text="", files=[JPEG], folder=kept, now=NOW
        )
        owners = (f"activity/{row.id}", f"coursework/{work.id}")
        for (file,) in attachments.of_owners(session, owners).values():
            for person in (world.teacher, world.tutor, world.school, world.county, world.office):
                assert attachments.visible(session, person, file.id).id == file.id
            for person in (world.mate, world.far, world.host, stranger):
                with pytest.raises(NotFound):
                    attachments.visible(session, person, file.id)
        with pytest.raises(NotFound):
            attachments.visible(session, world.teacher, 999_999)


def test_files_can_be_taken_away_and_added_when_handing_in_again(database: Database, tmp_path: Path) -> None:
    kept = folder(tmp_path)
    with database.writing() as session:
        world = make_world(session)
        row = school_activities.hand_in(
            session, world.teacher, world.enrolment.id, activity(), files=[JPEG], folder=kept, now=NOW
        )
        (old,) = attachments.of_owner(session, f"activity/{row.id}")
        school_activities.change(
            session,
            world.teacher,
            row.id,
            activity(),
            files=[NewFile("教案", docx())],
            without=[old.id],
            folder=kept,
            now=NOW,
        )
        assert [one.name for one in attachments.of_owner(session, f"activity/{row.id}")] == ["教案.docx"]


def test_no_room_is_a_clear_refusal_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Folder(tmp_path / "kept")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lms_plugin.services.attachments.os.fsync", full)
    with pytest.raises(Unavailable):
        kept.keep(b"content")
    assert [path for path in kept.root.rglob("*") if path.is_file()] == []


def test_files_need_a_folder(database: Database) -> None:
    with database.writing() as session:
        world = make_world(session)
        with pytest.raises(ValueError, match="folder"):
            school_activities.hand_in(session, world.teacher, world.enrolment.id, activity(), files=[JPEG], now=NOW)
        with pytest.raises(ValueError, match="folder"):
            coursework.hand_in(
                session, world.teacher, world.enrolment.id, "homework", 1, text="", files=[JPEG], now=NOW
            )
