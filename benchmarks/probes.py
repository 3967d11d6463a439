"""R1: what a stored look at a web service costs `wsla run`, beside prometheus-blackbox-exporter's probe, and how late.

Run from the top folder: `python benchmarks/probes.py [--json] [--quick] [--tls] [--sources N] [--every S]
[--seconds S]`. Ten thousand sources in a thousand agreements, each looked at every thirty seconds; a tenth of the
services hang until the timeout, and some do everything else that services should not do. The daemon keeps its store,
judges and books. The exporter makes the same requests at the same rate and stores nothing. With `--tls` each look is a
fresh handshake, and the certificates, one for each host, are checked. The services run in a process of their own, and
so does the driver of the exporter, whose time is not counted. Linux alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.installed import as_installed  # noqa: E402
from benchmarks.targets import HOSTILE, hosts  # noqa: E402

EXPORTER = "prometheus-blackbox-exporter"
EACH = 10
"""Sources of an agreement, all on one host."""
SHARE = 0.5
LATEST = 1.0
MOST_MEBIBYTES = 1024
_MODULE = """
modules:
  http:
    prober: http
    timeout: {timeout}s
    http:
      body_size_limit: 1MB
      preferred_ip_protocol: ip4
"""
_TRUST = """      tls_config:
        ca_file: {authorities}
"""
_AUTHORITIES = "authorities.pem"


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sources, ten times as often, for 9 s"
    )
    parser.add_argument("--tls", action="store_true", help="https in place of http")
    parser.add_argument("--sources", type=int, help="10000 unless stated")
    parser.add_argument("--every", type=int, help="seconds; 30 unless stated")
    parser.add_argument("--seconds", type=int, help="how long to measure; 60 unless stated")
    chosen = parser.parse_args()
    sources = chosen.sources or (1_000 if chosen.quick else 10_000)
    every = chosen.every or (3 if chosen.quick else 30)
    seconds = chosen.seconds or (9 if chosen.quick else 60)
    if not sys.platform.startswith("linux"):
        print(json.dumps({}) if chosen.json else "not measured: this needs Linux")
        return
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), sources, every, seconds, tls=chosen.tls)
    if chosen.json:
        print(json.dumps(found, indent=1))
    else:
        show(found, f"{sources} {'https' if chosen.tls else 'http'}", every)


def measure(folder: Path, sources: int, every: int, seconds: int, *, tls: bool = False) -> dict[str, Any]:
    """Both, one after the other, on the same services."""
    timeout = max(every // 3, 1)
    count = (sources + EACH - 1) // EACH
    services = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "benchmarks" / "targets.py"),
            str(count),
            *([str(certify(folder, count))] if tls else []),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert services.stdout is not None
    assert services.stdin is not None
    try:
        port = int(services.stdout.readline())
        addresses = list_targets(sources, count, port, "https" if tls else "http")
        found = {"wsla": run_product(folder, addresses, every, timeout, seconds)}
        if shutil.which(EXPORTER):
            found["exporter"] = run_exporter(folder, addresses, every, timeout, seconds)
    finally:
        services.stdin.close()
        services.wait()
    return found


def certify(folder: Path, count: int) -> Path:
    """A folder with a key and a certificate for each host, and beside it those who vouch for them."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / _AUTHORITIES)
    kept = folder / "certificates"
    kept.mkdir()
    for host in hosts(count):
        authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(kept / f"{host}.pem")
    return kept


def list_targets(sources: int, count: int, port: int, scheme: str = "http") -> list[str]:
    """Addresses: those of a tenth of the hosts hang, and of the others one in fifty misbehaves."""
    found = []
    known = hosts(count)
    for number in range(sources):
        host = number // EACH
        path = "/"
        if host % 10 == 9:
            path = "/hang"
        elif number % 50 == 7:
            path = HOSTILE[number // 50 % len(HOSTILE)]
        found.append(f"{scheme}://{known[host]}:{port}{path}")
    return found


def run_product(folder: Path, addresses: list[str], every: int, timeout: int, seconds: int) -> dict[str, Any]:
    """The daemon on these addresses."""
    kept = folder / "agreements"
    kept.mkdir()
    for start in range(0, len(addresses), EACH):
        text = agreement(start // EACH, addresses[start : start + EACH], every, timeout)
        (kept / f"{start // EACH:05}.sla").write_text(text)
    settings = 'log_format = "text"\n'
    if (folder / _AUTHORITIES).exists():
        bound = f'ca_file = "{folder / _AUTHORITIES}"\n'
        settings += "".join(f"[bindings.sources.web{number}]\n{bound}" for number in range(EACH))
    (kept / "wsla.toml").write_text(settings)
    command = [sys.executable, str(ROOT / "benchmarks" / "programs" / "probes_wsla.py"), str(kept)]
    environment = {**os.environ, "PYTHONPATH": str(as_installed(folder))}
    done = subprocess.run(
        [*command, str(every + 1), str(seconds)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def agreement(number: int, addresses: list[str], every: int, timeout: int) -> str:
    """An agreement on some services, each with a goal of its own."""
    lines = [
        f'agreement "Customer {number}" version 1 {{',
        '  effective 2026-01-01 in "UTC"',
        "  currency EUR",
        '  party host "Host" provider',
        '  party shop "Shop" consumer',
    ]
    for which, address in enumerate(addresses):
        lines += [
            f'  source web{which} = http "{address}" every {every}s timeout {timeout}s',
            f"  metric up{which} = web{which}.ok",
            f"  metric uptime{which} = availability(up{which}) each month",
            f"  goal available{which}: host guarantees uptime{which} >= 99% {{ otherwise credit shop 5 EUR }}",
        ]
    return "\n".join([*lines, "}", ""])


def run_exporter(
    folder: Path, addresses: list[str], every: int, timeout: int, seconds: int
) -> dict[str, Any]:
    """The exporter on these addresses."""
    settings, targets = folder / "exporter.yml", folder / "targets"
    authorities = folder / _AUTHORITIES
    trust = _TRUST.format(authorities=authorities) if authorities.exists() else ""
    settings.write_text(_MODULE.format(timeout=timeout) + trust)
    targets.write_text("\n".join(addresses))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exporter = subprocess.Popen(
        [
            EXPORTER,
            f"--config.file={settings}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        driver = [sys.executable, str(ROOT / "benchmarks" / "programs" / "probes_exporter.py")]
        done = subprocess.run(
            [*driver, str(port), str(exporter.pid), str(targets), str(every), str(timeout + 1), str(seconds)],
            stdout=subprocess.PIPE,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    finally:
        exporter.terminate()
        exporter.wait()


def show(found: dict[str, Any], sources: str, every: int) -> None:
    """What was measured, and whether the goals are reached."""
    print(f"{sources} sources every {every} s, a tenth of them hanging, others hostile\n")
    for name, one in found.items():
        cost = 1e6 * one["cpu_s"] / max(one["probes"], 1)
        rate = one["probes"] / one["wall_s"]
        print(
            f"{name:10} {cost:6.0f} µs CPU a probe, {rate:6.0f} probes/s, {one['peak_bytes'] / 2**20:6.0f} MiB"
        )
    product = found["wsla"]
    print(
        f"wsla: on schedule after {product['start_s']:.1f} s; p50 of lateness at most {product['late_p50_s']:g} s,"
        f" missed {product['missed']}; latest looks: {product['ends']}"
    )
    if "exporter" in found:
        exporter = found["exporter"]
        ratio = (product["cpu_s"] / product["probes"]) / (exporter["cpu_s"] / exporter["probes"])
        hold("times the exporter's CPU, a stored probe", ratio, SHARE)
    else:
        print(f"not measured: {EXPORTER}, which is not installed")
    hold("s of lateness at most in 99 of 100 looks", product["late_p99_s"], LATEST)
    hold("MiB at most", product["peak_bytes"] / 2**20, MOST_MEBIBYTES)


def hold(text: str, number: float, goal: float) -> None:
    """A number against its goal."""
    print(f"  {number:8.3f} {text}: goal ≤ {goal:g}, {'reached' if number <= goal else 'NOT reached'}")


if __name__ == "__main__":
    main()
