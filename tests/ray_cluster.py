"""A Ray cluster of two nodes on loopback addresses, in a process of its own.

Says ``address 127.0.0.2:PORT`` when both nodes are up; then obeys lines on
stdin: ``kill`` takes one node away without a word to it, the end of stdin
takes the cluster down. Addresses from 127.0.0.2 on: Ray replaces 127.0.0.1 by
the machine's outer address.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DASHBOARD_STARTUP_TIMEOUT_S="300")

from ray.cluster_utils import Cluster  # noqa: E402  (reads the settings above)

TRIES = 6


def patiently(start: Callable[[], Any]) -> Any:
    """Start a node; one whose helpers are not up within 15 s dies, which happens on a busy machine: then start another."""
    for left in reversed(range(TRIES)):
        try:
            return start()
        except Exception as error:
            print("a node did not start:", str(error)[:200], file=sys.stderr, flush=True)
            if not left:
                raise
    raise AssertionError


def node(number: int, cpus: int) -> dict[str, Any]:
    return {"node_ip_address": f"127.0.0.{number}", "num_cpus": cpus, "object_store_memory": 100 * 2**20}


def main() -> None:
    cluster = patiently(lambda: Cluster(initialize_head=True, head_node_args=node(2, 0) | {"include_dashboard": False}))
    nodes = [patiently(lambda number=number: cluster.add_node(**node(number, 2))) for number in (3, 4)]
    print("address", cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
