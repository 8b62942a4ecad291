"""The outside of the shell: documentation, static files, origins, WebSocket doors, workers."""

import pytest
from django.core import checks
from django.test import override_settings

from fortified.asgi import application
from fortified.settings.admin import UNFOLD
from infra.web.checks import chart_library_is_installed

pytestmark = pytest.mark.django_db


def test_the_schema_describes_every_route_without_a_guess(capsys):
    from django.core.management import call_command

    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
    assert "Warning" not in capsys.readouterr().err


def test_the_documentation_opens_and_asks_nobody_outside(client):
    page = client.get("/api/docs").content.decode()
    assert "swagger-ui" in page
    assert "//cdn" not in page
    assert "https://" not in page.replace("https://github.com", "")
    schema = client.get("/api/schema?format=json").json()
    for route in ("/api/login", "/api/tickers", "/api/add-ticker", "/api/start-trading", "/api/health"):
        assert route in schema["paths"]


def test_a_path_below_api_that_does_not_exist_is_an_error_for_programs(client):
    answer = client.post("/api/start-tradin")
    assert answer.status_code == 404
    assert answer.json() == {
        "code": "not_found",
        "detail": "There is no POST /api/start-tradin; /api/docs lists what there is.",
        "field": None,
    }


def test_a_program_learns_at_the_root_that_we_are_alive_and_a_browser_gets_the_page(client):
    answer = client.get("/", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["status"]) == (200, "alive")
    assert client.get("/", headers={"Accept": "text/html,*/*"}).status_code == 302
    assert client.get("/docs").status_code == 200


@pytest.mark.parametrize("path", ["vendor/lightweight-charts/lightweight-charts.js", "unfold/css/styles.css"])
def test_static_files_are_served_without_being_collected(client, path):
    answer = client.get(f"/static/{path}")
    assert answer.status_code == 200
    assert len(b"".join(answer.streaming_content)) > 10_000


def test_a_missing_chart_library_is_an_error_with_its_remedy(tmp_path):
    assert chart_library_is_installed() == []
    with override_settings(CHARTS_FOLDER=tmp_path):
        (problem,) = chart_library_is_installed()
    assert problem.level == checks.ERROR
    assert "requirements-assets.txt" in (problem.hint or "")


def test_other_origins_get_no_permission_unless_named(client, settings):
    ask = {"HTTP_ORIGIN": "https://elsewhere.example"}
    assert "Access-Control-Allow-Origin" not in client.get("/api/health", **ask).headers
    settings.CORS_ALLOWED_ORIGINS = ["https://elsewhere.example"]
    allowed = client.get("/api/health", **ask)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://elsewhere.example"


@pytest.mark.parametrize("path", ["/ws/book/paper", "/ws/nothing"])
async def test_a_websocket_from_another_origin_is_closed_at_the_door(open_socket, path):
    door = open_socket(application, path, headers=[(b"origin", b"https://elsewhere.example")])
    assert not (await door.connect())[0]


def test_every_page_of_the_admin_menu_opens(admin_client, redis_url):
    groups = UNFOLD["SIDEBAR"]["navigation"]
    links = [str(item["link"]) for group in groups for item in group["items"]]
    assert len(links) > 10
    assert {link: admin_client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_routes_are_grouped_by_the_package_that_answers(client):
    paths = client.get("/api/schema?format=json").json()["paths"]
    assert paths["/api/start-trading"]["post"]["tags"] == ["trading"]
    assert paths["/api/token/refresh"]["post"]["tags"] == ["users"]


def test_the_admin_asks_for_a_login(client):
    answer = client.get("/admin/")
    assert answer.status_code == 302
    assert "/login" in answer.headers["Location"]
