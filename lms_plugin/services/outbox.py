"""What is owed to an LMS: one report per (enrolment, platform, block), written with whatever changed the standing."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.programme import LmsCourse
from lms_plugin.storage.outbox import WAITING, Report


def owe(
    session: Session, enrolment_id: int, course: LmsCourse, block_key: str, ratio: Decimal, now: datetime
) -> Report | None:
    """Owe the LMS a completion ratio (0..1) for one block; the row is part of the caller's transaction.

    The ratio an LMS is told never goes down: one that is not above what is owed already changes nothing. A
    standing of zero is not worth a first report.
    """
    report = session.scalar(
        select(Report)
        .where(
            Report.enrolment_id == enrolment_id,
            Report.platform_key == course.platform,
            Report.block_key == block_key,
        )
        .with_for_update()
    )
    if report is None:
        if ratio <= 0:
            return None
        report = Report(
            enrolment_id=enrolment_id,
            platform_key=course.platform,
            course_key=course.course_key,
            block_key=block_key,
            ratio=ratio,
            revision=1,
            state=WAITING,
            attempts=0,
            next_attempt_at=now,
            created_at=now,
            updated_at=now,
        )
        session.add(report)
    elif ratio > report.ratio or report.course_key != course.course_key:
        report.ratio = max(ratio, report.ratio)
        report.course_key = course.course_key
        report.revision += 1
        report.state = WAITING
        report.attempts = 0
        report.next_attempt_at = now
        report.updated_at = now
    return report
