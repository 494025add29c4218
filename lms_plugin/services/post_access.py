"""Who may do what with a post: its author, and the tutors of the author's class group. Default deny."""

from dataclasses import replace

from sqlalchemy.orm import Session

from lms_plugin.domain.errors import NotAllowed, NotFound
from lms_plugin.services import access
from lms_plugin.services.access import Actor, Place
from lms_plugin.storage.activity import Post, Thread
from lms_plugin.storage.programmes import Enrolment


def own_post(session: Session, actor: Actor, post_id: int) -> tuple[Post, Thread, Place]:
    """A post that the actor wrote, in a thread that they still see, with the place that it was written from.

    Raises:
        NotFound: it is another's, or there is none.
    """
    post = session.get(Post, post_id)
    if post is None or post.author_id != actor.user_id:
        raise NotFound(what="post")
    thread, place = access.visible_thread(session, actor, post.thread_id)
    # Who tutored when they wrote it and learns here by now earns nothing with it.
    return post, thread, place if post.enrolment_id is not None else replace(place, enrolment=None)


def tutored_post(session: Session, actor: Actor, post_id: int) -> tuple[Post, Enrolment]:
    """A post of a learner whose class group the actor tutors.

    Raises:
        NotAllowed: the person is no tutor, or wrote it (`post_own`).
        NotFound: the learner is not one of theirs, a tutor wrote it, or there is none.
    """
    if not actor.has(access.TUTOR):
        raise NotAllowed(needs=access.TUTOR)
    post = session.get(Post, post_id)
    if post is None or post.enrolment_id is None:
        raise NotFound(what="post")
    enrolment = access.tutored_enrolment(session, actor, post.enrolment_id)
    if post.author_id == actor.user_id:
        raise NotAllowed("post_own")
    return post, enrolment


def told_post(session: Session, actor: Actor, post_id: int) -> Post:
    """A post whose history the actor may read: its author, and the tutors of the author's class group.

    Raises:
        NotFound: they are neither, or there is none.
    """
    post = session.get(Post, post_id)
    if post is not None and post.author_id == actor.user_id:
        return own_post(session, actor, post_id)[0]
    if post is not None and post.enrolment_id is not None:
        access.tutored_enrolment(session, actor, post.enrolment_id)
        return post
    raise NotFound(what="post")
