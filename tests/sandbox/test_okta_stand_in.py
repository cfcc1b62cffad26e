"""The stand-in for Okta refuses what Okta's documentation refuses."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox.providers.okta import PERMISSIONS, OktaStandIn


@pytest.fixture
async def house() -> AsyncIterator[OktaStandIn]:
    async with OktaStandIn() as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/users/{user}", 200, None),
        ("GET", "/api/v1/users/me", 200, None),
        ("GET", "/api/v1/users/nobody", 404, "E0000007"),
        ("POST", "/api/v1/users/{user}", 405, "E0000022"),
        ("GET", "/api/v1/users?filter=profile.login%20co%20%22a%22", 400, "E0000001"),
        ("GET", "/api/v1/users?colour=red", 400, "E0000001"),
        ("GET", "/api/v1/user", 404, "E0000007"),
        ("GET", "/api/v2/users/{user}", 404, "E0000007"),
        ("PUT", "/api/v1/groups/{group}/users/{user}", 204, None),
        ("PUT", "/api/v1/groups/{group}/users/dana@example.com", 404, "E0000007"),
        ("POST", "/api/v1/groups/{group}/users/{user}", 405, "E0000022"),
        ("PUT", "/api/v1/groups/{imported}/users/{user}", 403, "E0000006"),
        ("DELETE", "/api/v1/groups/{group}/users/{user}", 204, None),
    ],
)
async def test_paths_and_verbs(  # noqa: PLR0917 - a row of the table
    house: OktaStandIn,
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    status: int,
    code: str | None,
) -> None:
    """Only what is documented is answered, with Okta's code where it is a no."""
    user = house.people.hire("dana@example.com")
    ids = {
        "user": user.id,
        "group": house.people.found("g").id,
        "imported": house.people.found("i", kind="APP_GROUP").id,
    }
    token = house.tokens.administrator(user.id, PERMISSIONS)
    headers = {"Authorization": f"SSWS {token}"}
    url = house.url + path.format(**ids)
    async with session.request(method, url, headers=headers) as response:
        assert response.status == status
        assert int(response.headers["X-Rate-Limit-Limit"]) > 0
        if code:
            assert (await response.json())["errorCode"] == code


@pytest.mark.parametrize("missing", PERMISSIONS)
async def test_permissions(
    house: OktaStandIn, session: aiohttp.ClientSession, missing: str
) -> None:
    """A role that lacks one of its permissions may not do what that one is for."""
    user, group = house.people.hire("dana@example.com"), house.people.found("g")
    token = house.tokens.administrator(user.id, set(PERMISSIONS) - {missing})
    seen = set()
    for method, path in (
        ("GET", f"users/{user.id}"),
        ("GET", f"groups/{group.id}"),
        ("PUT", f"groups/{group.id}/users/{user.id}"),
    ):
        async with session.request(
            method, f"{house.url}/api/v1/{path}", headers={"Authorization": f"SSWS {token}"}
        ) as response:
            seen.add(response.status)
    assert 403 in seen


@pytest.mark.parametrize("header", ["", "SSWS wrong", "Bearer {token}", "{token}"])
async def test_tokens(house: OktaStandIn, session: aiohttp.ClientSession, header: str) -> None:
    """No token, a wrong one, and the right one said wrongly are all a 401."""
    token = house.tokens.administrator(house.people.hire("dana@example.com").id, PERMISSIONS)
    headers = {"Authorization": header.format(token=token)}
    async with session.get(f"{house.url}/api/v1/users/me", headers=headers) as response:
        assert response.status == 401
        assert (await response.json())["errorCode"] == "E0000011"


async def test_groups_come_in_pages(house: OktaStandIn, session: aiohttp.ClientSession) -> None:
    """Two at a time; the rest only by following the link."""
    user = house.people.hire("dana@example.com")
    for number in range(5):
        house.people.found(f"g{number}").members.add(user.id)
    headers = {"Authorization": f"SSWS {house.tokens.administrator(user.id, PERMISSIONS)}"}
    url: str | None = f"{house.url}/api/v1/users/{user.id}/groups"
    sizes = []
    while url:
        async with session.get(url, headers=headers) as response:
            sizes.append(len(await response.json()))
            url = str(response.links["next"]["url"]) if "next" in response.links else None
    assert sizes == [2, 2, 1]
