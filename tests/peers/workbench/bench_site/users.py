"""Who is in front of the page, told as Open edX's user service tells it: `?student=wang.li` is the user wang.li.

Stands in for xmodule's DjangoXBlockUserService, whose attributes have these names. The id is made from the name.
"""

import zlib
from typing import Any

from xblock.reference.user_service import UserService, XBlockUser


class PlatformUsers(UserService):
    runtime: Any = None

    def get_current_user(self) -> XBlockUser:
        name = str(self.runtime.user_id)
        user = XBlockUser(is_current_user=True, emails=[f"{name}@example.org"], full_name=name)
        user.opt_attrs["edx-platform.user_id"] = zlib.crc32(name.encode())
        user.opt_attrs["edx-platform.username"] = name
        user.opt_attrs["edx-platform.user_role"] = "staff" if name == "author" else "student"
        return user
