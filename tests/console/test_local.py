"""`make local`, from outside: it says where its console is, serves it, and ends with Ctrl-C."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from urllib.parse import urlsplit

from sandbox.template import REPOSITORY


def test_make_local_says_where_its_console_is_and_serves_it_until_ctrl_c() -> None:
    local = subprocess.Popen(
        [sys.executable, "-m", "sandbox.local"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert local.stdout is not None
    try:
        address = ""
        for line in local.stdout:
            if "in a browser" in line:
                local.stdout.readline()
                [address] = re.findall(r"^ +(http://127\.0\.0\.1:\d+/)$", local.stdout.readline())
                break
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}state", timeout=20) as answer:
            state = json.load(answer)
        assert state["counts"]["sent"] == 0
        assert state["vendor"]["calls"] == 5  # the demo's four, and its token
    finally:
        local.send_signal(signal.SIGINT)
        local.communicate(timeout=20)

    assert local.returncode == 130
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(address).port or 0)) != 0
