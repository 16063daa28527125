"""How quickly a service is there, and how large it is."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from shop import BIN, SERVICES_OF_A_SHOP, Shop, run_program, wait_for

PROGRAMS = (*(f"{service}-service" for service in SERVICES_OF_A_SHOP), "orderctl", "dev-broker")


def _start_times(folder):
    figures = {}
    with Shop(folder) as shop:
        for service in SERVICES_OF_A_SHOP:  # once, so that the database is there
            shop.start(service)
            shop.stop(service)
        for service in SERVICES_OF_A_SHOP:
            began = time.monotonic()
            shop.start_listening(service)
            wait_for(f"{service}-service answers",
                     lambda s=service: shop.get(s, "/healthz")[0] == 200, pause_s=0.0005)
            figures[f"start_ms_{service}"] = (time.monotonic() - began) * 1000
            wait_for(f"{service}-service is ready",
                     lambda s=service: shop.get(s, "/readyz")[0] == 200, pause_s=0.002)
            figures[f"ready_ms_{service}"] = (time.monotonic() - began) * 1000
            shop.stop(service)
    return figures


def _sizes(folder):
    """Without debug information, as the images have them."""
    figures = {}
    own = Path(tempfile.mkdtemp(dir=folder))
    for program in PROGRAMS:
        run_program(["strip", "-o", own / program, BIN / program])
        figures[f"size_kb_{program}"] = (own / program).stat().st_size / 1024
    return figures


def _docker(*arguments):
    """What it prints; nothing where no engine runs."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True,
                          check=False).stdout


def _images():
    """Only where there are images that docker-compose has built."""
    figures = {}
    if not shutil.which("docker"):
        return figures
    for service in SERVICES_OF_A_SHOP:
        names = [name for name in _docker("image", "ls", "--format", "{{.Repository}}").split()
                 if name.endswith(f"{service}-service")]
        if names:
            size = _docker("image", "inspect", "-f", "{{.Size}}", names[0])
            figures[f"image_mb_{service}"] = int(size) / 1e6
    return figures


def measure(folder):
    return _start_times(folder) | _sizes(folder) | _images()
