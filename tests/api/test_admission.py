"""Quotas and nominations by JSON: what regions send, and what the office answers."""

from tests.api.conftest import Stage

PROGRAMME = "/api/v1/programmes/rural"
NOMINEE = {"login": "li.qiang", "name": "李强", "region_code": "530102-001", "email": "li@school.cn", "is_rural": True}


def test_places_are_given_by_code_and_read_with_what_is_free(stage: Stage) -> None:
    admin = stage.client("admin")
    assert admin.put(f"{PROGRAMME}/quotas/530000", json={"places": 5}).status_code == 204
    over = admin.put(f"{PROGRAMME}/quotas/530102", json={"places": 6})
    assert (over.status_code, over.json["code"]) == (409, "quota_over")
    assert over.json["detail"] == "云南省 has 5 places; the regions below it would have 6 together."
    found = stage.client("admin").get(f"{PROGRAMME}/quotas").json
    assert found == {
        "free": None,
        "quotas": [
            {
                "region_code": "530000",
                "region": "云南省",
                "level": "province",
                "places": 5,
                "used": 2,
                "free": 3,
                "kept": 5,
            }
        ],
    }
    assert admin.put(f"{PROGRAMME}/quotas/530000", json={"places": None}).status_code == 204
    assert admin.get(f"{PROGRAMME}/quotas").json["quotas"] == []
    assert admin.put(f"{PROGRAMME}/quotas/530000", json={"places": -1}).status_code == 422


def test_a_nominee_is_taken_and_the_password_told_once(stage: Stage) -> None:
    county, admin = stage.client("county"), stage.client("admin")
    made = county.post(f"{PROGRAMME}/nominations", json=NOMINEE)
    assert (made.status_code, made.json["state"], made.json["warnings"]) == (201, "submitted", [])
    twice = county.post(f"{PROGRAMME}/nominations", json=NOMINEE)
    assert (twice.status_code, twice.json["code"]) == (409, "already_nominated")
    address = f"/api/v1/nominations/{made.json['id']}/decisions"
    assert county.post(address, json={"decision": "accept"}).status_code == 403
    taken = admin.post(address, json={"decision": "accept", "draw_password": True})
    assert (taken.status_code, taken.json["state"]) == (200, "accepted")
    signed_in = stage.client(None).post(
        "/api/v1/tokens", json={"login": "li.qiang", "password": taken.json["password"]}
    )
    assert signed_in.status_code == 201
    (listed,) = county.get(f"{PROGRAMME}/nominations?state=accepted&region=530102").json["nominations"]
    assert (listed["enrolment_id"], listed["name"]) == (taken.json["enrolment_id"], "李强")
    assert "password" not in listed


def test_refusals_and_faults_have_codes(stage: Stage) -> None:
    county, admin = stage.client("county"), stage.client("admin")
    wrong = county.post(f"{PROGRAMME}/nominations", json=NOMINEE | {"login": "a b", "email": None})
    assert (wrong.status_code, wrong.json["code"]) == (422, "nomination_malformed")
    assert {one["code"] for one in wrong.json["faults"]} == {"login_malformed", "contact_missing"}
    made = county.post(f"{PROGRAMME}/nominations", json=NOMINEE).json
    address = f"/api/v1/nominations/{made['id']}/decisions"
    assert admin.post(address, json={"decision": "refuse"}).json["code"] == "why_missing"
    assert admin.post(address, json={"decision": "refuse", "reason": "名额有限"}).json["state"] == "refused"
    assert county.post(address, json={"decision": "withdraw"}).json["code"] == "nomination_decided"
    assert county.get("/api/v1/programmes/none-such/nominations").status_code == 404
    assert county.get(f"{PROGRAMME}/nominations?limit=1").json["next_before"] == made["id"]
