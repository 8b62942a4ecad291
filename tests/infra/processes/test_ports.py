"""Finding free ports."""

import socket

import pytest

from infra.processes.launch import check_port
from infra.processes.ports import PortBusy, first_free, is_free


@pytest.fixture
def busy():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_somebody_listens_on_is_not_free(busy):
    assert not is_free(busy)


def test_the_search_goes_past_a_busy_port(busy):
    assert first_free(busy) > busy


def test_the_search_ends_with_the_range_it_tried(busy):
    with pytest.raises(PortBusy, match=f"ports {busy} to {busy} are all in use"):
        first_free(busy, tries=1)


def test_a_busy_page_port_is_refused_naming_it_and_the_remedy(busy):
    with pytest.raises(PortBusy, match=f"port {busy} is in use .* --port {busy + 1}"):
        check_port(busy, "127.0.0.1")
