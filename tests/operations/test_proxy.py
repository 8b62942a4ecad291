"""The sample of a TLS proxy fits what production expects of one."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
SAMPLE = (ROOT / "docs" / "operations" / "nginx.conf").read_text()


def blocks(text: str) -> dict[str, str]:
    """Each innermost block by what stands before its brace."""
    return {match[1].strip(): match[2] for match in re.finditer(r"([^{};\n]+)\{([^{}]*)\}", text)}


def test_every_brace_is_closed():
    bare = re.sub(r"#.*", "", SAMPLE)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0


def test_it_says_what_the_settings_trust():
    production = (ROOT / "fortified" / "settings" / "production.py").read_text()
    assert 'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")' in production
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in SAMPLE
    assert "proxy_set_header Host $host;" in SAMPLE


def test_every_socket_of_ours_is_passed_on_and_figures_are_not():
    found = blocks(re.sub(r"#.*", "", SAMPLE))
    sockets = found["location /ws/"]
    assert "proxy_set_header Upgrade $http_upgrade;" in sockets
    assert "return 404;" in found["location = /metrics"]
    routes = re.findall(r'path\(r?"\^?(\w+)', (ROOT / "dashboard" / "routing.py").read_text())
    assert set(routes) == {"ws"}


def test_old_tls_is_off_and_plain_http_only_redirects():
    assert re.search(r"ssl_protocols TLSv1\.2 TLSv1\.3;", SAMPLE)
    assert "return 301 https://$host$request_uri;" in SAMPLE
