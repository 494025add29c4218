"""Auditing posts: everything that became of them is gone through again, and the ledger must have followed each step.

Posts and their changes are taken in the order in which they were made. Each judgement is made again from what the
author's other posts said at that moment, and each entry must bring the ledger from what it had to what was due.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms_plugin.domain import discussion, post_credit
from lms_plugin.domain.discussion import EarlierPost, Judgement, OthersPost, PostReason
from lms_plugin.domain.post_credit import Mark
from lms_plugin.domain.programme import ComponentKind, Programme
from lms_plugin.domain.replay import Differs
from lms_plugin.services import post_changes
from lms_plugin.services.audit_books import Books, entry_named
from lms_plugin.services.catalogue import InForce
from lms_plugin.services.evidence_log import Catalogue
from lms_plugin.storage.activity import Post, PostChange

_REPLACING = (post_changes.EDITED, post_changes.VOID_LIFTED)
_UNEARNED = "which does not count or has an entry already"


@dataclass(frozen=True, slots=True)
class _State:
    """A post as it was at some moment."""

    id: int
    module_key: str
    body: str
    counts: bool
    judged_at: datetime
    credit_ms: int
    component_key: str
    is_reply: bool
    compared_with: tuple[tuple[int, int], ...]
    mark: str = ""
    extra_ms: int = 0
    is_taken_back: bool = False

    @property
    def is_earning(self) -> bool:
        return post_credit.earns(counts=self.counts, mark=self.mark, is_taken_back=self.is_taken_back)

    @property
    def due_ms(self) -> dict[str, int]:
        owed_ms = post_credit.due_ms(
            counts=self.counts,
            mark=self.mark,
            is_taken_back=self.is_taken_back,
            credit_ms=self.credit_ms,
            extra_ms=self.extra_ms,
        )
        return {self.component_key: owed_ms} if owed_ms else {}


@dataclass(slots=True)
class PostAudit:
    """The audit of the posts of one enrolment; `check` raises `Differs` at the first thing that does."""

    session: Session
    shared: Catalogue
    enrolment: Any
    posts: dict[int, Any]
    changes: Sequence[Any]
    entries: Sequence[Any]
    _known: dict[int, _State] = field(default_factory=dict)
    _entered: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    _written: dict[str, Any] = field(default_factory=dict)
    _changed: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _last_number: int = 0

    def check(self) -> None:
        self._sort_entries()
        for change in self.changes:
            kept = (change.body, change.judgement, change.judged_at, change.rule_version)
            if change.kind in _REPLACING and None in kept:
                raise Differs(f"{_named(change)} does not keep what it replaced")
        for event in self._events():
            if hasattr(event, "kind"):
                self._change(event)
            else:
                self._write(event)
        for post in self.posts.values():
            self._check_state(post)
        for row in self._written.values():
            where = entry_named(self.enrolment.id, row.number)
            raise Differs(f"{where} was written for post {row.source_id} (posts), {_UNEARNED}")
        for rows in self._changed.values():
            where = entry_named(self.enrolment.id, rows[0].number)
            raise Differs(
                f"{where} was written for a change of post {rows[0].source_id} (post_changes) that is not there"
            )

    def _sort_entries(self) -> None:
        for row in self.entries:
            where = entry_named(self.enrolment.id, row.number)
            if row.source_kind not in (post_changes.POST, post_changes.SOURCE_KIND):
                continue
            if not row.source_id.isdecimal() or int(row.source_id) not in self.posts:
                raise Differs(f"{where} was written for post {row.source_id} (posts), which is not there")
            if row.source_kind == post_changes.SOURCE_KIND:
                change_id = row.detail.get("change")
                self._changed[change_id if isinstance(change_id, int) else 0].append(row)
            elif row.source_id in self._written:
                raise Differs(f"{where} was written for post {row.source_id} (posts), {_UNEARNED}")
            else:
                self._written[row.source_id] = row

    def _events(self) -> Iterator[Any]:
        """Posts and changes in the order in which they were made."""
        left = list(self.changes)
        for post in self.posts.values():
            while left and (left[0].after_post_id or 0) < post.id:
                yield left.pop(0)
            yield post
        yield from left

    # --- steps

    def _write(self, post: Any) -> None:
        state = self._after(post, 0)
        if state.counts:
            row = self._written.pop(str(post.id), None)
            if row is None:
                raise Differs(f"post {post.id} (posts) counts and has no credit entry")
            where, version = entry_named(self.enrolment.id, row.number), self._version_of(row)
            rule = row.rule_version.partition(" ")[2]
            judged = self._judge(state, post.created_at, version.programme, by=rule)
            if not judged.counts:
                raise Differs(f"post {post.id} (posts) counts, the rule of its time says {judged.reason.value}")
            entered = (row.amount_ms, row.component_key, row.recorded_at)
            if (
                row.amount_ms != version.programme.discussion.worth_ms(state.is_reply)
                or entered != (state.credit_ms, state.component_key, post.created_at)
                or state.judged_at != post.created_at
            ):
                raise Differs(f"{where} does not say what its post {row.source_id} (posts) gives")
            self._entered[post.id][row.component_key] += row.amount_ms
            self._last_number = max(self._last_number, row.number)
        self._known[post.id] = state

    def _change(self, change: Any) -> None:
        where = _named(change)
        before = self._known.get(change.post_id)
        if before is None:
            raise Differs(f"{where} was made before there was such a post")
        after = self._made(where, before, change)
        self._known[change.post_id] = after
        self._follow(where, change, after)

    def _made(self, where: str, before: _State, change: Any) -> _State:
        """The post after a change, which must have been possible."""
        kind, is_own = change.kind, change.by_id == self.enrolment.user_id
        if is_own != (kind in post_changes.BY_AUTHOR):
            raise Differs(f"{where} was made by {'the author' if is_own else 'another than the author'}")
        needed = {
            post_changes.EDITED: before.mark != Mark.VOID and not before.is_taken_back,
            post_changes.TAKEN_BACK: not before.is_taken_back,
            post_changes.EXCELLENT: before.mark == Mark.NONE and not before.is_taken_back,
            post_changes.EXCELLENT_WITHDRAWN: before.mark == Mark.EXCELLENT,
            post_changes.VOID: before.mark != Mark.VOID and not before.is_taken_back,
            post_changes.VOID_LIFTED: before.mark == Mark.VOID,
        }
        if not needed[kind]:
            raise Differs(f"{where} is {kind}, which the post could not become")
        if kind == post_changes.TAKEN_BACK:
            return replace(before, is_taken_back=True)
        if kind == post_changes.EXCELLENT:
            self._check_extra(where, before, change)
            return replace(before, mark=Mark.EXCELLENT.value, extra_ms=change.extra_ms)
        if kind == post_changes.EXCELLENT_WITHDRAWN:
            return replace(before, mark=Mark.NONE.value, extra_ms=0)
        if kind == post_changes.VOID:
            return replace(before, mark=Mark.VOID.value, extra_ms=0)
        return self._judged_anew(where, before, change)

    def _judged_anew(self, where: str, before: _State, change: Any) -> _State:
        after = self._after(self.posts[change.post_id], change.id)
        version = self.shared.version(
            self.session, self.enrolment.programme_id, change.rule_version or 0, self.enrolment.variant
        )
        if change.kind == post_changes.EDITED:
            judged_at = post_credit.judged_at(counted=before.counts, judged_before_at=before.judged_at, now=change.at)
            counts = self._judge(after, judged_at, version.programme).counts
            worth_ms = version.programme.discussion.worth_ms(after.is_reply)
            worth = (worth_ms, _component(version.programme), judged_at)
            expected = (counts, *(worth if counts else (before.credit_ms, before.component_key, before.judged_at)))
            after = replace(after, mark=before.mark, extra_ms=before.extra_ms)
        else:
            counts = before.counts
            if counts and not before.is_taken_back:
                counts = self._judge(before, before.judged_at, version.programme, caps_only=True).counts
            expected = (counts, before.credit_ms, before.component_key, before.judged_at)
            after = replace(after, is_taken_back=before.is_taken_back)
            if after.body != before.body:
                raise Differs(f"{where} changed what the post says")
        if (after.counts, after.credit_ms, after.component_key, after.judged_at) != expected:
            raise Differs(f"{where} was judged otherwise than by the rule of its time")
        return after

    def _check_extra(self, where: str, before: _State, change: Any) -> None:
        current = self.shared.in_force(self.session, self.enrolment.programme_id, change.at, self.enrolment.variant)
        others = sum(one.extra_ms > 0 and not one.is_taken_back for one in self._known.values() if one.id != before.id)
        most_ms = post_credit.extra_ms(current.programme.discussion, earning=before.is_earning, others=others)
        # Nothing is added for who had withdrawn at the time.
        if change.extra_ms not in (0, most_ms):
            raise Differs(f"{where} adds {change.extra_ms} ms, the rule of its time {most_ms} ms")

    def _follow(self, where: str, change: Any, after: _State) -> None:
        """The entries of a change bring the ledger from what it had to what is due."""
        entered, due = self._entered[change.post_id], after.due_ms
        rows = {row.component_key: row for row in self._changed.pop(change.id, ())}
        for key in sorted(entered.keys() | due.keys() | rows.keys()):
            changed_ms = due.get(key, 0) - entered.get(key, 0)
            row = rows.get(key)
            if row is None:
                if changed_ms and not (changed_ms < 0 and self._was_empty(key)):
                    raise Differs(f"{where} has no credit entry of {changed_ms} ms")
                continue
            named = entry_named(self.enrolment.id, row.number)
            if row.amount_ms != post_credit.taken_ms(changed_ms, self._sum_before(key, row.number)):
                raise Differs(f"{named} has {row.amount_ms} ms, {where} gives {changed_ms} ms")
            decided_by_id = None if change.kind in post_changes.BY_AUTHOR else change.by_id
            what, reason = row.detail.get("what"), row.detail.get("reason", "")
            said = (row.source_id, row.recorded_at, row.decided_by_id, what, reason)
            if said != (str(change.post_id), change.at, decided_by_id, change.kind, change.reason):
                raise Differs(f"{named} does not say what {where} says")
            entered[key] += row.amount_ms
            self._last_number = max(self._last_number, row.number)

    def _check_state(self, post: Any) -> None:
        """What stands on the post is what its changes made of it."""
        known = self._known[post.id]
        found = (post.counts, post.mark, post.extra_ms, post.taken_back_at is not None)
        if found != (known.counts, known.mark, known.extra_ms, known.is_taken_back):
            raise Differs(f"post {post.id} (posts) is not what its changes (post_changes) made of it")

    # --- what was

    def _after(self, post: Any, change_id: int) -> _State:
        """What a post said after a change (0: when it was written), and what that was worth."""
        later = (
            one for one in self.changes if one.post_id == post.id and one.id > change_id and one.kind in _REPLACING
        )
        kept = next(later, None)
        source = kept if kept is not None else post
        counts = post.counts if kept is None else kept.judgement.get("reason") == PostReason.COUNTS
        worth = (source.judged_at, source.credit_ms, source.component_key)
        compared_with = tuple((post_id, version) for post_id, version in source.judgement.get("compared_with", ()))
        is_reply = post.answered_id != post.author_id
        return _State(post.id, post.module_key, source.body, counts, *worth, is_reply, compared_with)

    def _judge(
        self,
        state: _State,
        at: datetime,
        programme: Programme,
        *,
        by: str = discussion.RULE,
        caps_only: bool = False,
    ) -> Judgement:
        if not _component(programme):
            return Judgement(False, PostReason.NO_CREDIT_HERE)
        rule = programme.discussion
        earlier = [
            EarlierPost("" if caps_only else one.body, one.module_key, one.judged_at, one.is_earning)
            for _, one in sorted(self._known.items())
            if one.id != state.id and (not one.is_taken_back or one.mark == Mark.VOID)
        ]
        judged = discussion.judge_post(
            state.body,
            module_key=state.module_key,
            earlier=earlier,
            others=() if caps_only else self._compared_with(state),
            is_reply=state.is_reply and not caps_only,
            by=by,
            rule=replace(rule, min_characters=0, min_words=0) if caps_only else rule,
            window=programme.window,
            now=at,
        )
        if caps_only and judged.reason not in post_credit.CAPS:
            return Judgement(True, PostReason.COUNTS)
        return judged

    def _compared_with(self, state: _State) -> list[OthersPost]:
        """The posts of others that a post was compared with: those it could see, as they were then."""
        ids = [post_id for post_id, _ in state.compared_with]
        if not ids:
            return []
        found = {row.id: row for row in self.session.scalars(select(Post).where(Post.id.in_(ids)))}
        edits: dict[int, list[str]] = defaultdict(list)
        replaced = (
            select(PostChange.post_id, PostChange.body)
            .where(PostChange.post_id.in_(ids), PostChange.kind == post_changes.EDITED)
            .order_by(PostChange.id)
        )
        for post_id, body in self.session.execute(replaced):
            edits[post_id].append(body or "")
        others = []
        for post_id, version in state.compared_with:
            post, before = found.get(post_id), edits[post_id]
            if post is None or version > len(before):
                raise Differs(f"post {state.id} (posts) was compared with post {post_id} (posts), which is not there")
            body = before[version] if version < len(before) else post.body
            others.append(OthersPost(post_id, body, post.created_at, version))
        return others

    def _version_of(self, row: Any) -> InForce:
        number = row.rule_version.partition(" ")[0].rpartition("@")[2]
        return self.shared.version(self.session, self.enrolment.programme_id, int(number), self.enrolment.variant)

    def _sum_before(self, component_key: str, number: int) -> int:
        return sum(row.amount_ms for row in self.entries if row.component_key == component_key and row.number < number)

    def _was_empty(self, component_key: str) -> bool:
        """Whether there was nothing to take at some moment since the last entry of a post."""
        numbers = range(self._last_number + 1, len(self.entries) + 2)
        return any(self._sum_before(component_key, number) <= 0 for number in numbers)


def check(session: Session, shared: Catalogue, books: Books, enrolment: Any) -> None:
    """The posts of one enrolment, their changes and their entries say the same; raises `Differs` at the first that
    don't."""
    posts = {post.id: post for post in books.posts[enrolment.id]}
    PostAudit(session, shared, enrolment, posts, books.changes[enrolment.id], books.entries[enrolment.id]).check()


def _named(change: Any) -> str:
    return f"change {change.id} of post {change.post_id} (post_changes)"


def _component(programme: Programme) -> str:
    component = programme.component_of(ComponentKind.DISCUSSION)
    return component.key if component is not None else ""
