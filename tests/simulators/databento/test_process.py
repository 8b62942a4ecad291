"""The simulator as a process of its own."""

import re
import signal
import socket
import subprocess
import sys

import httpx


def test_it_serves_until_it_is_asked_to_stop():
    command = [sys.executable, "-m", "simulators.databento", "--port", "0", "--always-open", "--symbols", "/ESZ26:XCME"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"HTTP (\S+) · gateway (\S+):(\d+) · key (\S+)", line)
        assert found, line
        url, host, port, key = found.groups()
        with httpx.Client(auth=(key, ""), trust_env=False) as http:
            assert "GLBX.MDP3" in http.get(f"{url}/v0/metadata.list_datasets").json()
            assert http.get(f"{url}/faults").json() == {"active": [], "scheduled": []}
        with socket.create_connection((host, int(port)), timeout=5) as line_to_gateway:
            assert line_to_gateway.recv(100).startswith(b"lsg_version=")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
