"""Stand-ins for the images that the product builds on, for engines that reach no image registry.

`python:3.11-slim` is made with debootstrap, `prom/prometheus` from Debian's package on top of it. Both have
the names of the originals, so that the product's own files are what is tested.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import docker
import yaml
from docker.errors import DockerException, ImageNotFound

PYTHON_IMAGE = "python:3.11-slim"
DEBIAN_SUITE = "bookworm"
DEBIAN_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")

_PROMETHEUS_RECIPE = f"""\
FROM {PYTHON_IMAGE}
COPY prometheus /bin/prometheus
RUN chmod 0755 /bin/prometheus && install --directory --owner=nobody --group=nogroup /prometheus
USER nobody
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
"""


class NoBaseImageError(RuntimeError):
    """A base image can neither be pulled nor made; the message says why."""


def provide(client: docker.DockerClient, compose_file: Path) -> None:
    """Make sure that the engine has what the images of `compose_file` start from.

    Raises:
        NoBaseImageError: an image is missing and can neither be pulled nor made.
    """
    if not _present_or_pulled(client, PYTHON_IMAGE):
        _make_python(client)
    prometheus_image = yaml.safe_load(compose_file.read_text())["services"]["prometheus"]["image"]
    if not _present_or_pulled(client, prometheus_image):
        _make_prometheus(client, prometheus_image)


def _present_or_pulled(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except DockerException:
            return False
    return True


def _make_python(client: docker.DockerClient) -> None:
    program = shutil.which("debootstrap")
    if program is None:
        raise NoBaseImageError(f"{PYTHON_IMAGE} cannot be pulled, and debootstrap is not installed")
    with tempfile.TemporaryDirectory(prefix="hiso-base-") as folder:
        root = Path(folder) / "root"
        done = subprocess.run(
            [program, "--variant=minbase", f"--include={DEBIAN_PACKAGES}", DEBIAN_SUITE, str(root)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NoBaseImageError(f"debootstrap: {done.stdout[-500:]}{done.stderr[-500:]}")
        # pip in a build trusts whom this machine trusts.
        if (Path("/") / CERTIFICATES).is_file():
            shutil.copyfile(Path("/") / CERTIFICATES, root / CERTIFICATES)
        archive = Path(folder) / "root.tar"
        subprocess.run(["tar", "--directory", str(root), "--create", "--file", str(archive), "."], check=True)
        repository, tag = PYTHON_IMAGE.split(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=tag)


def _make_prometheus(client: docker.DockerClient, name: str) -> None:
    program = shutil.which("prometheus")
    if program is None:
        raise NoBaseImageError(f"{name} cannot be pulled, and prometheus is not installed")
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        recipe = tarfile.TarInfo("Dockerfile")
        recipe.size = len(_PROMETHEUS_RECIPE)
        archive.addfile(recipe, io.BytesIO(_PROMETHEUS_RECIPE.encode()))
        archive.add(program, arcname="prometheus")
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=name, network_mode="host", rm=True)
