"""xApps as containers, by the engine that the environment names (DOCKER_HOST, or the usual socket)."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound

from near_rt_ric.xapp_manager.backend import CannotStartError
from near_rt_ric.xapp_manager.descriptor import Descriptor
from near_rt_ric.xapp_manager.errors import DescriptorError, NotReadyError
from near_rt_ric.xapp_manager.processes import ChildPlacement

NAME_LABEL = "hiso.xapp"
RIC_LABEL = "hiso.ric"

_ENGINE_TIMEOUT_S = 10.0
_IN_A_CONTAINER = Path("/.dockerenv")
_COMPOSE_PROJECT_LABEL = "com.docker.compose.project"
_TCP_BUS = re.compile(r"^tcp://(.+):([0-9]+)$")
_LOG_OPTIONS = {"max-size": "16m", "max-file": "2"}
_ID_LENGTH = 12
"""So much of its id is a container's host name on the networks that people make."""
_REMOVED_EXIT_CODE = 137
"""An instance that somebody has removed was killed."""

_ENGINE_ERRORS = (DockerException, OSError)  # requests' errors are OSErrors


class ContainerInstance:
    """One container; when it has ended it stays, with its logs, until its next start or the end of the RIC."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def poll(self) -> int | None:
        """Exit code once it has ended; an engine that does not answer is no end."""
        try:
            self._container.reload()
        except NotFound:
            return _REMOVED_EXIT_CODE
        except _ENGINE_ERRORS:
            return None
        state = self._container.attrs["State"]
        return int(state["ExitCode"]) if state["Status"] in ("exited", "dead") else None

    def terminate(self) -> None:
        """SIGTERM to its first process."""
        with suppress(*_ENGINE_ERRORS):
            self._container.kill("SIGTERM")

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        with suppress(*_ENGINE_ERRORS):  # it has ended already
            self._container.kill()
            self._container.wait(timeout=_ENGINE_TIMEOUT_S)

    def where(self) -> str:
        """Its short id."""
        return f"container {self._container.id[:_ID_LENGTH]}"

    def health(self) -> str:
        """What the engine says of the image's health check: starting, healthy, unhealthy; empty where it has none."""
        return str(self._container.attrs.get("State", {}).get("Health", {}).get("Status", ""))


class ContainerBackend:
    """Starts containers beside the RIC: in its own network where it is a container, else over its socket or network."""

    poll_s = 1.0

    def __init__(self, store_path: Path, bus: str, placement: ChildPlacement) -> None:
        """No engine is asked yet. `store_path` tells the containers of one RIC from those of another."""
        self._store_path = store_path.resolve()
        self._bus = bus
        self._placement = placement

    def check(self, descriptor: Descriptor) -> None:
        """Whether the engine answers, has the image and can give it the bus; raises DescriptorError. Pulls nothing."""
        try:
            self._engine.images.get(descriptor.image)
            self._surroundings()
        except NotFound as error:
            raise DescriptorError("image", f"the engine has no image {descriptor.image}: pull or build it") from error
        except _ENGINE_ERRORS as error:
            raise DescriptorError("image", f"no container engine can be used: {error}") from error

    def start(self, descriptor: Descriptor) -> ContainerInstance:
        """Start it in the place of the last one of its name; raises CannotStartError."""
        cpu = self._placement.hot_cpu if descriptor.hot else self._placement.face_cpu
        try:
            bus, surroundings = self._surroundings()
            self._remove(descriptor.name)
            container = self._engine.containers.run(
                descriptor.image,
                descriptor.resolved_arguments(bus),
                detach=True,
                name=self._container_name(descriptor.name),
                labels={NAME_LABEL: descriptor.name, RIC_LABEL: self._ric_id},
                environment={"PYTHONUNBUFFERED": "1", **descriptor.resolved_environment(bus)},
                init=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                log_config={"type": "json-file", "config": _LOG_OPTIONS},
                **_pinned(cpu),
                **surroundings,
            )
        except (*_ENGINE_ERRORS, DescriptorError) as error:
            raise CannotStartError(str(error)) from error
        return ContainerInstance(container)

    def logs(self, name: str, lines: int) -> list[str]:
        """The last lines since its last start; raises NotReadyError."""
        try:
            text: bytes = self._engine.containers.get(self._container_name(name)).logs(tail=lines)
        except NotFound:
            return []
        except _ENGINE_ERRORS as error:
            raise NotReadyError(f"the container engine does not answer: {error}") from error
        return text.decode(errors="replace").splitlines()

    def forget(self, name: str) -> None:
        """Remove the container."""
        with suppress(*_ENGINE_ERRORS):
            self._remove(name)

    def close(self) -> None:
        """Remove what has ended, so that nothing of this RIC stays behind, and leave the engine."""
        if "_engine" not in self.__dict__:
            return  # nobody has ever asked for a container
        with suppress(*_ENGINE_ERRORS):
            for container in self._engine.containers.list(all=True, filters={"label": f"{RIC_LABEL}={self._ric_id}"}):
                container.remove(force=True)
        self._engine.close()

    @cached_property
    def _engine(self) -> Any:
        return docker.from_env(timeout=_ENGINE_TIMEOUT_S)

    @cached_property
    def _own_container(self) -> Any:
        """The container that the RIC runs in; None where it is in none, or in another engine's."""
        if not _IN_A_CONTAINER.exists():
            return None
        try:
            return self._engine.containers.get(socket.gethostname())
        except NotFound:
            return None

    @cached_property
    def _ric_id(self) -> str:
        own = self._own_container
        project = "" if own is None else own.labels.get(_COMPOSE_PROJECT_LABEL, own.id)
        return hashlib.sha256(f"{project}:{self._store_path}".encode()).hexdigest()[:12]

    def _surroundings(self) -> tuple[str, dict[str, Any]]:
        """The bus endpoint as a container reaches it, and what it needs for that."""
        tcp = _TCP_BUS.match(self._bus)
        own = self._own_container
        if own is not None:
            if tcp is None:
                raise DescriptorError("image", f"a RIC in a container is reached over tcp only, not {self._bus}")
            network = next(iter(own.attrs["NetworkSettings"]["Networks"]), None)
            if network is None:
                raise DescriptorError("image", "the RIC's container is in no network that another one could join")
            return f"tcp://{own.id[:_ID_LENGTH]}:{tcp[2]}", {"network": network}
        if tcp is not None:
            return self._bus, {"network_mode": "host"}
        folder = str(Path(self._bus.removeprefix("ipc://")).parent)
        mount = {folder: {"bind": folder, "mode": "rw"}}
        return self._bus, {"volumes": mount, "user": f"{os.getuid()}:{os.getgid()}", "network_mode": "none"}

    def _container_name(self, name: str) -> str:
        return f"hiso-xapp-{self._ric_id}-{name}"

    def _remove(self, name: str) -> None:
        with suppress(NotFound):
            self._engine.containers.get(self._container_name(name)).remove(force=True)


def _pinned(cpu: int | None) -> dict[str, str]:
    """A core is asked for, never needed: engines refuse one that is not there."""
    return {} if cpu is None or cpu >= (os.cpu_count() or 1) else {"cpuset_cpus": str(cpu)}
