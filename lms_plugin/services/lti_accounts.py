"""Who somebody on a platform is here: by issuer and subject, once linked by the person themselves, never by e-mail.

An e-mail address is what a platform says, and on many platforms what its users type: to believe it would hand accounts
to whoever types somebody else's.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain.errors import Conflict
from lms_plugin.domain.lti_claims import LaunchRefused
from lms_plugin.services import owing
from lms_plugin.services.access import Actor
from lms_plugin.storage.lti import PlatformAccount
from lms_plugin.storage.people import User

LAUNCH = "launch"


def person_at(session: Session, platform_id: int, subject: str) -> int | None:
    """The id of the person whom a platform's subject is linked to; None where it is linked to nobody.

    Raises:
        LaunchRefused: `lti_account_suspended`.
    """
    account = session.get(PlatformAccount, (platform_id, subject))
    if account is None:
        return None
    if not session.get_one(User, account.user_id).is_active:
        raise LaunchRefused("lti_account_suspended", user_id=account.user_id)
    return account.user_id


def link(session: Session, actor: Actor, platform_id: int, subject: str, now: datetime) -> None:
    """Link a platform's subject with the actor, who has shown to be that person; doing it again changes nothing.

    What is owed to the person on that platform becomes due.

    Raises:
        Conflict: `lti_subject_taken`, the subject is somebody else's here; `lti_account_other`, the actor is another
            subject there. Both are for the programme office to sort out.
    """
    account = session.get(PlatformAccount, (platform_id, subject), with_for_update=True, populate_existing=True)
    if account is not None:
        if account.user_id != actor.user_id:
            raise Conflict("lti_subject_taken", platform_id=platform_id)
        return
    own = select(PlatformAccount.subject).where(
        PlatformAccount.platform_id == platform_id, PlatformAccount.user_id == actor.user_id
    )
    if session.scalar(own) is not None:
        raise Conflict("lti_account_other", platform_id=platform_id)
    session.add(
        PlatformAccount(
            platform_id=platform_id,
            subject=subject,
            user_id=actor.user_id,
            origin=LAUNCH,
            linked_at=now,
            linked_by=actor.user_id,
            owe_again_at=now + owing.ONCE_MORE_AFTER,
        )
    )
    session.flush()
    owing.owe_account(session, platform_id, actor.user_id, now)
