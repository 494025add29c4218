import pytest

from tests.peers.fixtures import openedx_peer, openedx_process

pytest.register_assert_rewrite("tests.adapters.reporter_contract")

__all__ = ["openedx_peer", "openedx_process"]
