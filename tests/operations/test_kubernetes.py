"""The manifests for a cluster start what the compose files start, watched, limited and with secrets by reference."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.processes import services
from tests.operations.test_compose import ROOT, load

FOLDER = ROOT / "deploy" / "kubernetes"
PRODUCT = {service.name: service for service in services.product(host="0.0.0.0", port=8000)}
ALONE = {"feeds", "traders", "beat", "redis", "postgres"}


def objects(*files: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in files:
        for document in yaml.safe_load_all((FOLDER / name).read_text()):
            found += document["items"] if document["kind"] == "List" else [document]
    return found


def variables(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))


KUSTOMIZATION = load(FOLDER / "kustomization.yaml")
EVERYTHING = objects(*KUSTOMIZATION["resources"])
KINDS = ("Deployment", "StatefulSet", "Job")
RUNNING = {each["metadata"]["name"]: each for each in EVERYTHING if each["kind"] in KINDS}
every_one = pytest.mark.parametrize("name", sorted(RUNNING))


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = RUNNING[name]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    return dict(only)


@pytest.mark.parametrize("service", PRODUCT.values(), ids=lambda service: service.name)
def test_a_service_of_the_product_runs_the_same_command_in_its_pod(service):
    assert container(service.name)["command"] == [
        "python" if part == sys.executable else part for part in service.command
    ]


def test_the_same_runs_as_by_the_compose_files_in_production():
    compose, overlay = load(ROOT / "docker-compose.yml"), load(ROOT / "docker-compose.prod.yml")
    assert set(RUNNING) == set(compose["services"]) - {"market"}  # the synthetic one
    assert container("setup")["command"] == overlay["services"]["setup"]["command"]
    assert container("redis")["command"] == compose["services"]["redis"]["command"]
    assert {name: container(name)["image"] for name in ("redis", "postgres")} == {
        name: compose["services"][name]["image"] for name in ("redis", "postgres")
    }


@every_one
def test_everything_is_limited_runs_as_nobody_and_knows_nothing_of_the_cluster(name):
    overlay = load(ROOT / "docker-compose.prod.yml")["services"]
    for each in (*pod(name)["containers"], *pod(name).get("initContainers", [])):
        assert set(each["resources"]["limits"]) == set(each["resources"]["requests"]) == {"cpu", "memory"}
        assert each["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert pod(name)["securityContext"]["runAsNonRoot"] is True
    assert pod(name)["automountServiceAccountToken"] is False
    if name in overlay and name != "setup":
        limits = overlay[name]["deploy"]["resources"]["limits"]
        assert mebibytes(container(name)["resources"]["limits"]["memory"]) == mebibytes(limits["memory"])


def mebibytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]+)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 1, "Mi": 1, "Gi": 1024}[unit]


@pytest.mark.parametrize("name", sorted(set(RUNNING) - {"setup"}))
def test_everything_that_stays_up_is_watched_and_given_time_to_save(name):
    compose = load(ROOT / "docker-compose.yml")["services"]
    probe = container(name)["readinessProbe"]["exec"]["command"]
    if name in PRODUCT:
        assert probe == compose[name]["healthcheck"]["test"][1:]
        assert pod(name)["initContainers"][0]["name"] == "after-setup"
    grace = int(str(compose[name].get("stop_grace_period", "30s")).removesuffix("s"))
    assert pod(name)["terminationGracePeriodSeconds"] == grace
    labels = RUNNING[name]["spec"]["template"]["metadata"]["labels"]
    assert RUNNING[name]["spec"]["selector"]["matchLabels"] == labels == {"app": name}


def test_what_has_one_owner_is_one_pod_that_is_replaced_and_never_doubled():
    assert {name for name, each in RUNNING.items() if each["kind"] != "Job" and each["spec"]["replicas"] != 1} == set()
    replaced = {name for name, each in RUNNING.items() if each["spec"].get("strategy") == {"type": "Recreate"}}
    stateful = {name for name, each in RUNNING.items() if each["kind"] == "StatefulSet"}
    assert replaced | stateful == ALONE


def test_no_worker_is_restarted_because_redis_is_away():
    assert {name for name in PRODUCT if "livenessProbe" in container(name)} == {"web"}
    assert set(container("web")["livenessProbe"]) & {"exec", "httpGet"} == set()


def test_the_product_gets_the_names_that_the_compose_files_give_it_and_secrets_from_the_secret_only():
    given = load(ROOT / "docker-compose.yml")["services"]["web"]["environment"]
    plain, secret = variables(FOLDER / "settings.env"), variables(FOLDER / "secrets.env.example")
    assert set(plain) | set(secret) == set(given) | {"POSTGRES_PASSWORD"}
    assert set(secret) == {"SECRET_KEY", "JWT_SECRET", "POSTGRES_PASSWORD", "DATABASE_URL"}
    assert plain["ENVIRONMENT"] == "production"
    assert plain["REDIS_URL"] == given["REDIS_URL"]
    for name in (*PRODUCT, "setup"):
        assert container(name)["envFrom"] == [
            {"configMapRef": {"name": "fortified"}},
            {"secretRef": {"name": "fortified"}},
        ]
    assert [each["envs"] for each in KUSTOMIZATION["secretGenerator"]] == [["secrets.env"]]
    assert "deploy/kubernetes/secrets.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy" in (ROOT / ".dockerignore").read_text().splitlines()  # nor in the image
    assert not [each for each in EVERYTHING if each["kind"] == "Secret"]


def test_who_is_asked_by_name_is_there():
    named = {each["metadata"]["name"]: each for each in EVERYTHING if each["kind"] == "Service"}
    for name, each in named.items():
        assert each["spec"]["selector"] == {"app": name}
        assert name in RUNNING
    addresses = {**variables(FOLDER / "settings.env"), **variables(FOLDER / "secrets.env.example")}
    assert {re.split(r"[@/:]+", addresses[key])[-3] for key in ("REDIS_URL", "DATABASE_URL")} == {"redis", "postgres"}
    (ingress,) = (each for each in EVERYTHING if each["kind"] == "Ingress")
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"] == {
        "name": "web",
        "port": {"name": "http"},
    }
    assert ingress["spec"]["rules"][0]["host"] == addresses["ALLOWED_HOSTS"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kubectl_puts_the_parts_together(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "kubernetes")
    (folder / "secrets.env").write_text((FOLDER / "secrets.env.example").read_text())
    answer = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    made = list(yaml.safe_load_all(answer.stdout))
    assert sorted(each["metadata"]["name"] for each in made if each["kind"] in KINDS) == sorted(RUNNING)
    assert {each["metadata"].get("namespace") for each in made if each["kind"] != "Namespace"} == {"fortified"}
    assert "image: fortified\n" not in answer.stdout


def test_every_volume_that_is_mounted_is_claimed():
    claims = {each["metadata"]["name"] for each in EVERYTHING if each["kind"] == "PersistentVolumeClaim"}
    for name, each in RUNNING.items():
        own = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
        volumes = {volume["name"]: volume for volume in pod(name).get("volumes", [])}
        assert {volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values()} <= claims
        assert {mount["name"] for mount in container(name)["volumeMounts"]} == own | set(volumes)
