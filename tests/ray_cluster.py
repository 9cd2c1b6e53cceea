"""A Ray cluster of a head and two nodes that nothing outside this machine can reach, in a process of its own.

Says ``address 127.0.0.1:PORT`` when all are up; then obeys lines on stdin:
``kill`` takes one node away without a word to it, the end of stdin takes the
cluster down. The settings that keep Ray on loopback come from outside (``RAY`` in test_sweep_ray.py).
"""

from __future__ import annotations

import inspect
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psutil
from ray._private import services
from ray._raylet import DASHBOARD_AGENT_LISTEN_PORT_NAME, persist_port
from ray.cluster_utils import Cluster

HELPERS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
TRIES = 4
find_node, start_node = services.get_node, services.start_raylet


def find_node_patiently(*arguments: Any) -> Any:
    """Ask for a node that is starting until it is there: Ray itself asks for 30 s."""
    end = time.monotonic() + 300
    while True:
        try:
            return find_node(*arguments)
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(1.0)


def start_told(*arguments: Any, **more: Any) -> Any:
    """Start a node with the last port that it waits for already where its helper would write it."""
    given = inspect.signature(start_node).bind(*arguments, **more).arguments
    persist_port(given["session_dir"], given["node_id"], DASHBOARD_AGENT_LISTEN_PORT_NAME, given["dashboard_agent_listen_port"])
    return start_node(*arguments, **more)


def patiently(start: Callable[[], Any]) -> Any:
    """Start a node; if it does not come up, end what there is of it and start another."""
    before = psutil.Process().children()
    for left in reversed(range(TRIES)):
        try:
            return start()
        except Exception as error:
            print("a node did not start:", str(error)[:200], file=sys.stderr, flush=True)
            for process in psutil.Process().children():
                if process not in before:
                    process.kill()
            if not left:
                raise
    raise AssertionError


def node(cpus: int) -> dict[str, Any]:
    """Describe a node. Its helpers are told their ports: where they choose, the node waits 15 s for them and dies."""
    ports = dict(zip(HELPERS, free_ports(len(HELPERS)), strict=True))
    return {"node_ip_address": "127.0.0.1", "num_cpus": cpus, "object_store_memory": 100 * 2**20, **ports}


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on."""
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def main() -> None:
    services.get_node, services.start_raylet = find_node_patiently, start_told
    cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=node(0) | {"include_dashboard": False}))
    nodes = [patiently(lambda: cluster.add_node(**node(2))) for _ in range(2)]
    print("address", cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
