"""A small runtime that hosts the genuine LtiConsumerXBlock, in place of edx-platform's module store and runtime."""

from types import SimpleNamespace
from typing import Any

from completion.handlers import scorable_block_completion
from completion.models import BlockCompletion
from django.contrib.auth import get_user_model
from lti_consumer.lti_xblock import LtiConsumerXBlock
from xblock.field_data import DictFieldData
from xblock.fields import ScopeIds
from xblock.reference.user_service import UserService, XBlockUser
from xblock.runtime import MemoryIdManager, Runtime

from peer_site.lti.models import ExternalId, Grade, Placement, Profile, Tool

PASSPORT_ID = "5b0bb1ac-5a3a-4c6e-8f0a-6f1a2b3c4d5e"


class Users(UserService):
    """Who looks at the block."""

    def __init__(self, user: Any) -> None:
        super().__init__()
        self._user = user

    def get_current_user(self) -> XBlockUser:
        seen = XBlockUser(is_current_user=True)
        user = self._user
        seen.opt_attrs["edx-platform.is_authenticated"] = bool(user and user.is_authenticated)
        if seen.opt_attrs["edx-platform.is_authenticated"]:
            profile = Profile.objects.get(user=user)
            seen.emails, seen.full_name = [user.email], profile.name
            seen.opt_attrs["edx-platform.user_id"] = user.pk
            seen.opt_attrs["edx-platform.username"] = user.username
            seen.opt_attrs["edx-platform.user_is_staff"] = user.is_staff
            seen.opt_attrs["edx-platform.user_role"] = profile.role
        return seen

    def get_external_user_id(self, kind: str) -> str:
        return str(ExternalId.batch_get_or_create_user_ids([self._user], kind)[self._user.pk].external_user_id)


class Rebinding:
    """edx-platform's service that binds a block, opened by a server, to the user it is about."""

    def rebind_noauth_module_to_user(self, block: Any, user: Any) -> None:
        block.peer_user = user


class PeerRuntime(Runtime):
    def handler_url(self, *_: Any, **__: Any) -> str:
        return ""

    local_resource_url = resource_url = handler_url

    def publish(self, block: Any, event_type: str, event_data: dict[str, Any]) -> None:
        """As edx-platform: a grade goes to the gradebook and to edx-completion's own receiver."""
        key = block.scope_ids.usage_id
        user = get_user_model().objects.get(pk=event_data.get("user_id") or block.peer_user.pk)
        if event_type == "completion":
            BlockCompletion.objects.submit_completion(user=user, block_key=key, completion=event_data["completion"])
        elif event_type == "grade":
            grade, is_new = Grade.objects.update_or_create(
                block_key=str(key),
                user=user,
                defaults={"value": event_data["value"], "max_value": event_data["max_value"]},
            )
            if not is_new:
                grade.times += 1
                grade.save()
            scorable_block_completion(
                sender=None,
                user_id=user.pk,
                course_id=str(key.course_key),
                usage_id=str(key),
                weighted_earned=event_data["value"],
                weighted_possible=event_data["max_value"],
                score_deleted=False,
            )


class ModuleStore:
    """Gives the block at a place, with the fields that its author has set."""

    def get_item(self, location: Any, user: Any = None) -> Any:
        placement = Placement.objects.get(block_key=str(location))
        tool = Tool.objects.first()
        values = {**(tool.fields if tool else {}), **placement.fields}
        ids = MemoryIdManager()
        runtime = PeerRuntime(
            id_reader=ids,
            id_generator=ids,
            services={"rebind_user": Rebinding(), "field-data": DictFieldData({}), "user": Users(user)},
        )
        block = LtiConsumerXBlock(runtime, DictFieldData(values), ScopeIds(None, "lti_consumer", location, location))
        block.due = block.graceperiod = None  # edx-platform's mix-in for inherited settings has these
        block.peer_user = user
        return block

    def update_item(self, block: Any, user_id: Any) -> Any:
        return block


def course(key: Any) -> Any:
    from peer_site.courses.models import Title

    title = Title.objects.filter(course_key=str(key)).first()
    return SimpleNamespace(
        id=key, display_name_with_default=title.title if title else "", display_org_with_default=key.org
    )


def bind(*, user: Any = None, block: Any = None, **_: Any) -> None:
    block.peer_user = user
