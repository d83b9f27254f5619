"""Observability: each alert has a runbook entry, and every query asks for metrics that exist."""

import json
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import prometheus_client
import pytest
import yaml

from serving import metrics
from tests.support.running import free_port, wait_for

ROOT = Path(__file__).parents[2]
OBSERVE = ROOT / "deploy" / "observe"
RULES = [
    rule
    for group in yaml.safe_load((OBSERVE / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((OBSERVE / "grafana" / "dashboards" / "ann.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
WORKER = """\
# TYPE ann_worker_servers_up gauge
ann_worker_servers_up{server="prefect"} 1
# TYPE ann_flow_runs gauge
ann_flow_runs{state="completed"} 5
# TYPE ann_flow_runs_late gauge
ann_flow_runs_late 0
# TYPE ann_flow_run_failed_timestamp_seconds gauge
ann_flow_run_failed_timestamp_seconds{flow="drift"} 1.7e9
# TYPE ann_schedule_completed_timestamp_seconds gauge
ann_schedule_completed_timestamp_seconds{schedule="digits"} 1.7e9
# TYPE ann_drift_detected gauge
ann_drift_detected{model="mnist-digits"} 0
# TYPE ann_drift_checked_timestamp_seconds gauge
ann_drift_checked_timestamp_seconds{model="mnist-digits"} 1.7e9
"""  # tests/pipelines/scheduling/test_metrics.py: the worker exposes these


def names(text: str) -> set[str]:
    return set(re.findall(r"\bann_\w+", text))


def exposed() -> set[str]:
    """Names of all series of the service and the worker."""
    lines = prometheus_client.generate_latest().decode() + WORKER
    return names("\n".join(line for line in lines.splitlines() if line.startswith("# TYPE"))) | {
        line.partition("{")[0].partition(" ")[0]
        for line in lines.splitlines()
        if not line.startswith("#")
    }


def generate_traffic() -> None:
    """Every metric of the service with a value."""
    metrics.requested({("predict", 200): 1, ("predict", 500): 1})
    metrics.took("predict", 0.001)
    for digit in range(10):
        metrics.digits.labels("mnist-digits", "3", digit).inc()
    metrics.confidence.observe(0.5)
    metrics.confidence.observe(0.95)
    metrics.refusals.labels("InvalidImage").inc()
    metrics.serving.labels("mnist-digits", "3", "mnist").set(1)
    metrics.corrections.labels("accepted").inc()
    metrics.lost.labels("log line").inc()
    metrics.in_flight.set(1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook_entry_of_its_name(rule):
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    entry = re.search(rf"^## {rule['alert']}\n(.*?)(?=^## |\Z)", runbook, re.M | re.S)
    assert entry, f"docs/runbook.md has no entry {rule['alert']}"
    for part in ("**Meaning.**", "**Look at**", "**Do.**"):
        assert part in entry[1]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_every_query_asks_for_metrics_that_exist(query):
    generate_traffic()
    assert names(query) <= exposed()


@pytest.mark.slow
def test_every_alert_fires_when_it_should_and_not_before():
    done = subprocess.run(
        [_installed("promtool"), "test", "rules", "alerts_test.yml"],
        cwd=OBSERVE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = (OBSERVE / "alerts_test.yml").read_text()
    assert "SUCCESS" in done.stdout
    assert tested.count("alertname") >= len(RULES)


@pytest.mark.slow
def test_every_query_of_the_dashboard_is_answered_with_data(tmp_path):
    with _exposition() as target:
        port = free_port()
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\nscrape_configs:\n"
            f"  - {{job_name: worker, static_configs: [{{targets: ['{target}']}}]}}\n"
        )
        with subprocess.Popen(
            [
                _installed("prometheus"),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=subprocess.DEVNULL,
        ) as prometheus:
            try:
                address = f"http://127.0.0.1:{port}"
                for query in QUERIES:
                    wait_for(lambda query=query: _answer(address, query))
            finally:
                prometheus.terminate()


def _installed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs {program}: install Debian's package prometheus")
    return path


def _answer(address: str, query: str) -> list:
    url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]["result"]
    except OSError:
        return []  # it is only starting


class _exposition:
    """An HTTP server that exposes the service's own metrics, growing, and the worker's."""

    def __enter__(self) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                generate_traffic()
                body = prometheus_client.generate_latest() + WORKER.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
