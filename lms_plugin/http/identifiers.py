"""Ids in addresses: never more than a store can hold, so that a made-up one finds nothing."""

from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<id:...>` in an address: a whole number that can be a key."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST_ID)
