"""gorse's public clients, unchanged: PyGorse in this process, gorsejs where node and npm are."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import gorse
import pytest

from tests.serving.processes import Replica, serving
from tests.serving.serving import Home

MOMENT = "2022-08-07T00:26:46Z"


@pytest.fixture(scope="module")
def replica(served: Home) -> Iterator[Replica]:
    with serving(served[0], served[1]["write"]) as replica:
        yield replica


@pytest.fixture
def client(replica: Replica) -> gorse.Gorse:
    return gorse.Gorse(str(replica.http.base_url).rstrip("/"), replica.http.headers["x-api-key"])


def test_people_come_change_and_go(client: gorse.Gorse) -> None:
    ann = {"UserId": "ann", "Labels": {"town": "Basel"}, "Comment": "first"}
    assert client.insert_user(ann) == {"RowAffected": 1}
    assert client.get_user("ann") == ann
    listed = {"UserId": "ben", "Labels": ["a", "b"], "Comment": ""}
    assert client.insert_users([listed]) == {"RowAffected": 1}
    assert client.get_user("ben") == listed
    names, cursor = [], ""
    while True:
        page, cursor = client.get_users(7, cursor)
        names += [user["UserId"] for user in page]
        if not cursor:
            break
    assert names == sorted(names)
    assert {"ann", "ben", "u1"} <= set(names)
    assert client.delete_user("ann") == {"RowAffected": 1}
    with pytest.raises(gorse.GorseException) as gone:
        client.get_user("ann")
    assert gone.value.status_code == 404


def test_items_come_change_and_go(client: gorse.Gorse) -> None:
    item = {
        "ItemId": "a:b", "IsHidden": True, "Categories": ["d", "e"], "Timestamp": MOMENT,
        "Labels": {"genre": ["x", "y"]}, "Comment": "a film about nothing at all",
    }  # fmt: skip
    assert client.insert_item(item) == {"RowAffected": 1}
    assert client.get_item("a:b") == item
    assert client.search_items("NOTHING at", 5) == [item]
    assert client.update_item("a:b", is_hidden=False, categories=["z"]) == {"RowAffected": 1}
    assert client.get_item("a:b") == item | {"IsHidden": False, "Categories": ["z"]}
    assert client.insert_item(item) == {"RowAffected": 1}
    assert client.insert_item(item | {"IsHidden": False})["RowAffected"] == 1
    assert not client.get_item("a:b")["IsHidden"]
    page, cursor = client.get_items(3)
    assert (len(page), cursor) == (3, page[-1]["ItemId"])
    assert client.delete_item("a:b") == {"RowAffected": 1}
    with pytest.raises(gorse.GorseException):
        client.get_item("a:b")


def test_an_item_that_is_posted_again_is_overwritten(client: gorse.Gorse, replica: Replica) -> None:
    item = {
        "ItemId": "twice", "IsHidden": True, "Categories": ["a", "b"], "Timestamp": MOMENT,
        "Labels": {"x": "1", "y": "2"}, "Comment": "hello",
    }  # fmt: skip
    replica.post("/v1/items", {"id": "twice", "title": "Twice", "creator": "she", "images": ["i.png"]})
    assert client.insert_item(item) == {"RowAffected": 1}
    emptied = {"IsHidden": False, "Categories": [], "Labels": {"x": "3"}, "Comment": "", "Timestamp": ""}
    assert replica.post("/api/items", [item, item | emptied]) == {"RowAffected": 2}
    assert client.get_item("twice") == item | emptied | {"Timestamp": "1970-01-01T00:00:00Z"}
    kept = replica.get("/v1/items/twice")
    assert (kept["title"], kept["creator"], kept["images"]) == ("Twice", "she", ["i.png"])
    assert client.update_item("twice", comment="again") == {"RowAffected": 1}
    assert client.get_item("twice")["Labels"] == {"x": "3"}
    assert replica.post("/api/item", {"ItemId": "twice", "Labels": ["z"]}) == {"RowAffected": 1}
    assert (client.get_item("twice")["Labels"], client.get_item("twice")["Comment"]) == (["z"], "")


def test_a_person_who_is_posted_again_is_overwritten(client: gorse.Gorse, replica: Replica) -> None:
    client.insert_user({"UserId": "twice", "Labels": {"x": "1", "y": "2"}, "Comment": "hello"})
    replica.http.patch("/v1/users/twice", json={"consent": {"mood": True}})
    client.insert_user({"UserId": "twice", "Labels": {"x": "3"}, "Comment": ""})
    assert client.get_user("twice") == {"UserId": "twice", "Labels": {"x": "3"}, "Comment": ""}
    assert replica.get("/v1/users/twice")["consent"] == {"mood": True}


def test_feedback_adds_up_is_overwritten_and_taken_back(client: gorse.Gorse, replica: Replica) -> None:
    for value in (1.0, 2.0):
        assert client.insert_feedback("star", "bob", "f1", MOMENT, value) == {"RowAffected": 1}
    [row] = client.list_feedbacks("star", "bob")
    assert (row["Value"], row["Timestamp"], row["ItemId"]) == (3.0, MOMENT, "f1")
    assert replica.http.put("/api/feedback", json=[row | {"Value": 9.0}]).json() == {"RowAffected": 1}
    assert replica.get("/api/feedback/star/bob/f1")["Value"] == 9.0
    twice = [row | {"Value": 5.0}, row | {"Value": 7.0}]
    assert replica.http.put("/api/feedback", json=twice).json() == {"RowAffected": 2}
    assert replica.get("/api/feedback/star/bob/f1")["Value"] == 7.0
    client.insert_feedbacks([{"FeedbackType": "read", "UserId": "bob", "ItemId": "f3", "Timestamp": MOMENT}])
    found, cursor = [], ""
    while True:
        page, cursor = client.get_feedbacks(100, cursor)
        found += page
        if not cursor:
            break
    assert len(found) == 482  # 480 of the catalogue, all of different people and items
    first = client.get_recommend("bob", n=100)
    assert "f1" not in {one.id for one in first}
    assert client.delete_feedback("bob", "f1") == {"RowAffected": 1}
    assert client.list_feedbacks("star", "bob") == []
    assert "f1" in {one.id for one in client.get_recommend("bob", n=100)}  # taken back, so not met


def test_lists_and_neighbours(client: gorse.Gorse, replica: Replica) -> None:
    found = client.get_recommend("u1", n=5)
    assert all(int(one.id[1:]) % 2 == 1 for one in found)
    ids = [one.id for one in found]
    assert [one.id for one in client.get_recommend("u1", n=3, offset=2)] == ids[2:]
    assert replica.get("/api/recommend/u1?n=5") == ids
    assert client.get_recommend("u1", "comedy", n=5)
    assert client.get_recommend("u1", "no such category") == []
    alike = client.get_neighbors("f0", n=3)
    assert all(int(one["Id"][1:]) % 2 == 0 for one in alike)
    guest = client.session_recommend([{"FeedbackType": "like", "ItemId": "f0", "Timestamp": MOMENT}], n=4)
    assert all(int(one["Id"][1:]) % 2 == 0 for one in guest)
    assert all(int(one["Id"][1:]) % 2 == 1 for one in replica.get("/api/user-to-user/any/u1?n=3"))
    assert len(replica.get("/api/popular?n=4")) == len(replica.get("/api/latest/crime?n=4")) == 4
    assert replica.get("/api/non-personalized/popular?n=4") == replica.get("/api/popular?n=4")
    assert replica.http.get("/api/health/ready", headers={"X-API-Key": ""}).json()["Ready"]


def test_a_rating_in_a_session_keeps_its_value(replica: Replica) -> None:
    def guest(value: float) -> list[str]:
        body = [{"FeedbackType": "rating", "ItemId": "f0", "Value": value, "Timestamp": MOMENT}]
        return [one["Id"] for one in replica.post("/api/session/recommend?n=4", body)]

    rated = {"FeedbackType": "rating", "UserId": "rater", "ItemId": "f2", "Value": 5.0, "Timestamp": MOMENT}
    replica.post("/api/feedback", [rated])
    replica.list_for("rater")  # from now on this server knows the type
    assert all(int(name[1:]) % 2 == 0 for name in guest(5.0))
    assert guest(5.0) != guest(1.0)  # which teaches no liking


def test_write_back_counts_what_was_shown_when_its_time_comes(client: gorse.Gorse) -> None:
    first = [one.id for one in client.get_recommend("u2", n=3, write_back_type="read", write_back_delay="10m")]
    assert [one.id for one in client.get_recommend("u2", n=3)] == first  # not yet
    met = [one.id for one in client.get_recommend("u2", n=3, write_back_type="read")]
    assert met == first
    assert not set(first) & {one.id for one in client.get_recommend("u2", n=3)}


def test_the_asynchronous_client(replica: Replica) -> None:
    async def talk() -> list[str]:
        client = gorse.AsyncGorse(str(replica.http.base_url).rstrip("/"), replica.http.headers["x-api-key"])
        await client.insert_feedback("like", "eve", "f1", MOMENT)
        return [one.id for one in await client.get_recommend("eve", n=3)]

    assert all(int(name[1:]) % 2 == 1 for name in asyncio.run(talk()))


GORSEJS = ("gorsejs@0.4.8", "tslib@2")
JS = """
const { Gorse, GorseException } = require("gorsejs");
const client = new Gorse({ endpoint: process.argv[2], secret: process.argv[3] });
(async () => {
  const Timestamp = "2022-08-07T00:26:46Z";
  const item = { ItemId: "js", IsHidden: false, Labels: ["a"], Categories: ["d"], Timestamp, Comment: "c" };
  const like = (UserId, ItemId) => [{ FeedbackType: "like", UserId, ItemId, Timestamp }];
  const said = { users: await client.insertUser({ UserId: "js", Labels: ["a", "b"], Comment: "comment" }) };
  said.user = await client.getUser("js");
  said.items = await client.upsertItem(item);
  said.item = await client.getItem("js");
  said.category = await client.insertItemCategory("js", "more");
  said.categories = (await client.getItem("js")).Categories;
  said.feedback = await client.insertFeedbacks(like("js", "f1"));
  said.one = await client.getFeedback({ type: "like", userId: "js", itemId: "f1" });
  said.list = await client.getRecommend({ userId: "js", cursorOptions: { n: 3 } });
  said.session = await client.getSessionRecommend(like("x", "f0"));
  said.popular = await client.getPopular({ cursorOptions: { n: 2 } });
  said.latest = await client.getLatest({});
  said.like = await client.getItemNeighbors({ itemId: "f0" });
  said.people = await client.getUserNeighbors({ userId: "u1" });
  said.back = await client.deleteFeedback({ type: "like", userId: "js", itemId: "f1" });
  said.gone = await client.deleteItem("js");
  try { await client.getItem("js"); } catch (error) { said.error = error instanceof GorseException; }
  console.log(JSON.stringify(said));
})();
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder with gorsejs: REGARD_NODE_MODULES, else what npm brings."""
    given, npm = os.environ.get("REGARD_NODE_MODULES"), shutil.which("npm")
    if not given and npm:
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), *GORSEJS]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=90, check=False)
    folder = Path(given) if given else tmp_path / "node_modules"
    if not shutil.which("node") or not (folder / "gorsejs").is_dir():
        pytest.skip("needs node, and npm with its registry or gorsejs in the folder REGARD_NODE_MODULES")
    return folder


def test_gorsejs(replica: Replica, tmp_path: Path, modules: Path) -> None:
    (tmp_path / "talk.js").write_text(JS)
    command = ["node", "talk.js", str(replica.http.base_url).rstrip("/"), replica.http.headers["x-api-key"]]
    env = {**os.environ, "NODE_PATH": str(modules)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["user"] == {"UserId": "js", "Labels": ["a", "b"], "Comment": "comment"}
    assert (said["users"], said["items"], said["category"], said["feedback"], said["gone"]) == (1, 1, 1, 1, 1)
    assert said["item"]["Labels"] == ["a"]
    assert said["categories"] == ["d", "more"]
    assert said["one"]["ItemId"] == "f1"
    assert all(int(name[1:]) % 2 == 1 for name in said["list"])
    assert all(int(one["Id"][1:]) % 2 == 0 for one in said["session"])
    assert (len(said["popular"]), said["error"]) == (2, True)
    assert said["latest"][0]["Id"] == "js"
    assert said["like"]
    assert said["people"]


@pytest.mark.parametrize("span", ["soon", "24h0m1s", "9000h"])
def test_a_span_that_is_none_or_longer_than_a_day_is_refused(replica: Replica, span: str) -> None:
    answer = replica.http.get(f"/api/recommend/u1?write-back-type=read&write-back-delay={span}")
    assert (answer.status_code, answer.json()["error"]["where"]) == (422, "write-back-delay")
    assert replica.get("/api/user/u1/feedback/read") == []


def test_a_span_of_a_day_is_taken(replica: Replica) -> None:
    found = replica.get("/api/recommend/u4?n=2&write-back-type=read&write-back-delay=23h59m60s")
    rows = replica.get("/api/user/u4/feedback/read")
    assert {row["ItemId"] for row in rows} == set(found)
    days = [datetime.fromisoformat(row["Timestamp"]).timestamp() - time.time() for row in rows]
    assert all(86_400 - 60 < one <= 86_400 for one in days)
