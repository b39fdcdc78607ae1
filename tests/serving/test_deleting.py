"""An item that was deleted teaches nobody any more and is named nowhere, whoever remembers it."""

from __future__ import annotations

from tests.serving.serving import Client, Home, client_of, ids


def test_what_is_deleted_is_forgotten_by_who_remembers_it(client: Client, served: Home) -> None:
    likes = [{"user": "ann", "item": f"f{n}", "type": "like", "time": 1.6e9 + n} for n in (1, 3, 5)]
    client.post("/v1/events", json=likes)
    assert client.list_for("ann")["dropped"]["seen"] == 3
    assert client.delete("/v1/items/f1").status_code == 200
    warm = client.post("/v1/recommendations", json={"user_id": "ann", "k": 20, "explain": "full"})
    with client_of(served[0]) as other:
        other.bearing(served[1]["admin"])
        cold = other.post("/v1/recommendations", json={"user_id": "ann", "k": 20, "explain": "full"})
    assert warm.json()["items"] == cold.json()["items"]
    assert warm.json()["dropped"] == cold.json()["dropped"]
    assert "\\u0000" not in warm.text
    traced = client.get(f"/v1/recommendations/{warm.json()['recommendation_id']}/why/{ids(warm.json())[0]}")
    assert (traced.status_code, "\\u0000" in traced.text) == (200, False)
