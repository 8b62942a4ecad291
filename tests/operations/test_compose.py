"""The compose files start what `./run` starts, watched and limited."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from infra.processes import services
from marketdata.trimming import HELD_BYTES

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "docker-compose.prod.yml"
ONE_SHOT = {"setup"}
STORES = {"redis", "postgres"}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


@pytest.fixture(scope="module")
def compose():
    return load(ROOT / "docker-compose.yml")


@pytest.fixture(scope="module")
def overlay():
    return load(OVERLAY)


def has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("service", services.product(host="0.0.0.0", port=8000), ids=lambda service: service.name)
def test_a_service_of_the_product_runs_the_same_command_in_its_container(compose, service):
    expected = ["python" if part == sys.executable else part for part in service.command]
    assert compose["services"][service.name]["command"] == expected


def test_nothing_runs_in_compose_that_the_process_table_does_not_know(compose):
    known = {service.name for service in services.product(host="", port=1)} | {"market", "setup"} | STORES
    assert set(compose["services"]) == known


def test_the_market_is_the_process_tables_but_for_where_it_listens(compose):
    ours = services.simulators(port=9410, speed=1, seed=7).command[1:]
    theirs = compose["services"]["market"]["command"][1:]
    assert [part for part in theirs if part not in ("--host", "market")] == list(ours)


def test_every_queue_that_tasks_are_routed_to_has_a_worker():
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}
    consumed = {queue for service in services.product(host="", port=1) for queue in service.queues}
    assert routed == consumed


def test_every_service_that_stays_up_is_watched(compose):
    unwatched = {name for name, service in compose["services"].items() if "healthcheck" not in service}
    assert unwatched == ONE_SHOT


def test_who_waits_for_another_waits_for_one_that_exists_and_can_be_well(compose):
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            target = compose["services"][other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in target, f"{name} waits for {other}, which nobody watches"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert other in ONE_SHOT


def test_only_the_page_is_reachable_from_outside_and_by_default_from_this_machine_only(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(published) == ["web"]
    assert published["web"][0].startswith("${BIND_ADDRESS:-127.0.0.1}:")


def test_every_named_volume_is_declared(compose):
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_production_restarts_and_limits_everything_that_stays_up(compose, overlay):
    stays_up = set(compose["services"]) - ONE_SHOT - {"market"}
    for name in stays_up:
        service = overlay["services"][name]
        assert service["restart"] == "unless-stopped", name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name


def test_redis_may_hold_more_than_feeds_keep_for_readers_that_are_behind(overlay):
    limit = overlay["services"]["redis"]["deploy"]["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("m")) << 20 >= HELD_BYTES * 4 // 3


def test_production_says_what_its_memory_limits_add_up_to(overlay):
    limits = [each["deploy"]["resources"]["limits"] for each in overlay["services"].values() if "deploy" in each]
    megabytes = sum(int(each["memory"].removesuffix("m")) for each in limits)
    assert f"the memory limits add up to {megabytes} MB." in (ROOT / "docker-compose.prod.yml").read_text()


def test_production_runs_no_synthetic_market_and_makes_no_demo_account(overlay):
    assert overlay["services"]["market"]["profiles"] == ["demo"]
    assert "--demo" not in " ".join(overlay["services"]["setup"]["command"])


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET", "ALLOWED_HOSTS"])
def test_production_demands_its_secrets(overlay, name):
    for service in ("web", "feeds", "traders", "worker", "backtests", "beat", "setup"):
        environment = overlay["services"][service]["environment"]
        assert environment["ENVIRONMENT"] == "production"
        assert environment[name].startswith("${" + name + ":?")


@pytest.mark.skipif(not has_compose(), reason="the docker compose plugin is not installed here")
@pytest.mark.parametrize("files", [["docker-compose.yml"], ["docker-compose.yml", "docker-compose.prod.yml"]])
def test_docker_compose_accepts_the_files(files):
    arguments = [part for name in files for part in ("-f", name)]
    values = {"SECRET_KEY": "x" * 50, "JWT_SECRET": "y" * 50, "ALLOWED_HOSTS": "localhost", "POSTGRES_PASSWORD": "z"}
    command = ["env", *(f"{key}={value}" for key, value in values.items()), "docker", "compose", *arguments, "config"]
    answer = subprocess.run([*command, "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
