"""The page of an item: its list is what is like that item, for whoever looks at it."""

from __future__ import annotations

import pytest

from regard.serving.installation import Installation
from regard.serving.replaying import replay
from regard.serving.served import Served
from tests.serving.serving import Client, Home, ids


@pytest.mark.parametrize("user", [None, "u1"])
def test_the_page_of_an_item_lists_what_is_like_it(client: Client, served: Home, user: str | None) -> None:
    """u1 likes the odd films; whose page it is counts more, for them as for a stranger."""
    for film in (2, 3):
        answer = client.logged_list_for(user, seed_item=f"f{film}", k=6, surface="item", explain="short")
        assert all(int(name[1:]) % 2 == film % 2 for name in ids(answer))
        assert all(item["parts"]["more like this"] > 0 for item in answer["items"])
        assert all("alike" in item["sources"] for item in answer["items"][:3])
        with Installation.open(served[0]) as here:
            rested = Served.at_rest(here)
            assert replay(rested, rested.impressions.get(answer["recommendation_id"])).verdict == "same"
    assert {item["parts"]["more like this"] for item in client.list_for(user, k=6)["items"]} == {0.0}
