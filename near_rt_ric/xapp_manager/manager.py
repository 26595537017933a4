"""Deployments of one RIC: deployed, watched, started again, upgraded, ended with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from near_rt_ric.admin_client import PROCEDURE_TIMEOUT_S, STATE_TIMEOUT_S, HotLoopUnavailableError
from near_rt_ric.xapp_manager.backend import Backend
from near_rt_ric.xapp_manager.deployment import STOP_GRACE_S, Deployment
from near_rt_ric.xapp_manager.deployment_store import DeploymentStore
from near_rt_ric.xapp_manager.descriptor import Descriptor, Upgrade
from near_rt_ric.xapp_manager.errors import (
    ConflictError,
    NotReadyError,
    UnknownXAppError,
    UpgradeFailedError,
)
from service_kit.logs import fields

_LOG = logging.getLogger(__name__)

MAX_DEPLOYMENTS = 64
REGISTER_LIMIT_S = 10.0
"""How long an upgrade waits for the new version's registration."""
READY_LIMIT_S = 3.0
MISSED_WITHIN_S = 1.0
"""The platform looks for closed sockets four times a second."""
_HOLD_S = REGISTER_LIMIT_S + STOP_GRACE_S + 3.0
_WATCH_S = 0.1
_WATCHED_LIMIT_S = 10.0
"""How long a request waits for the watcher, which may be at a container engine that hardly answers."""
_ANSWER_S = 5.0
"""How long a procedure that somebody has asked for waits for the hot loop, which may share a busy machine."""


class Ask(Protocol):
    """The way to the hot loop (`AdminClient.ask`)."""

    def __call__(self, command: str, timeout_s: float = ..., **fields: Any) -> dict[str, Any]:
        """One command; raises HotLoopUnavailableError."""


class XAppManager:
    """All deployments. Requests may come from any thread; two for one xApp at a time are refused, not queued."""

    def __init__(self, store_path: Path, processes: Backend, containers: Backend, ask: Ask) -> None:
        """Nothing runs yet. `ask`: the way to the hot loop, whose start opens the store's file."""
        self._store_path = store_path
        self._processes = processes
        self._containers = containers
        self._ask = ask
        self._store: DeploymentStore | None = None
        self._deployments: dict[str, Deployment] = {}
        self._busy: set[str] = set()
        self._watched: str | None = None
        self._lock = threading.Condition()
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="xapp-manager", daemon=True)

    def start(self) -> None:
        """Start what the store says, once the hot loop answers, and watch over it."""
        self._thread.start()

    def close(self) -> None:
        """End every xApp; the store keeps who is to run."""
        self._stopping.set()
        self._thread.join(STOP_GRACE_S)  # an engine that hardly answers does not keep the RIC
        deadline_s = time.monotonic() + STOP_GRACE_S
        while self._busy and time.monotonic() < deadline_s:
            time.sleep(_WATCH_S)  # whoever is changing something notices, and starts nothing more
        deployments = list(self._deployments.values())
        for deployment in deployments:
            deployment.ask_to_end()
        deadline_s = time.monotonic() + STOP_GRACE_S
        for deployment in deployments:
            deployment.end_by(deadline_s)
        for backend in (self._processes, self._containers):
            backend.close()

    # What people ask ------------------------------------------------------------------------------

    def deploy(self, descriptor: Descriptor) -> None:
        """Run something new, and keep it; raises DescriptorError, ConflictError, NotReadyError."""
        name = descriptor.name
        with self._alone(name):
            if name in self._deployments:
                raise ConflictError(f"name: {name} is deployed already: upgrade or remove it")
            with self._lock:
                coming = self._busy - self._deployments.keys()  # this one, too
                full = len(self._deployments) + len(coming) > MAX_DEPLOYMENTS
            if full:
                raise ConflictError(f"name: at most {MAX_DEPLOYMENTS} xApps can be deployed")
            self._require_free(name)
            backend = self._backend(descriptor)
            backend.check(descriptor)
            self._opened().save(descriptor, wanted=True)
            deployment = self._deployments[name] = Deployment(descriptor, backend, wanted=True)
            deployment.start()

    def start_xapp(self, name: str) -> None:
        """Run a stopped one, or one that waits for its next start; raises UnknownXAppError, NotReadyError."""
        with self._operation(name) as deployment:
            if deployment.state != "running":
                self._require_free(name)
                self._opened().save(deployment.descriptor, wanted=True)
                deployment.start()

    def stop_xapp(self, name: str) -> None:
        """End it until it is started by hand; its subscriptions wait in the store."""
        with self._operation(name) as deployment:
            self._opened().save(deployment.descriptor, wanted=False)
            deployment.stop()

    def remove(self, name: str) -> None:
        """End it and forget it, its logs and its subscriptions; a NotReadyError leaves it stopped and known."""
        with self._operation(name) as deployment:
            store = self._opened()
            store.save(deployment.descriptor, wanted=False)
            deployment.stop()
            self._delete_subscriptions(name)
            store.delete(name)
            del self._deployments[name]
            deployment.backend.forget(name)

    def upgrade(self, name: str, changes: Upgrade) -> None:
        """Put another version in the place of a running one; its subscriptions stand meanwhile.

        Raises:
            UpgradeFailedError: the new version has not registered in time; the one before was started again.
            DescriptorError, UnknownXAppError, ConflictError, NotReadyError: nothing has changed.
        """
        with self._operation(name) as deployment:
            before, backend_before = deployment.descriptor, deployment.backend
            after = changes.applied_to(before)
            backend = self._backend(after)
            backend.check(after)
            if not deployment.wanted:
                self._opened().save(after, wanted=False)
                deployment.become(after, backend)
                self._forget_at(backend_before, deployment)
                return
            self._hold(name)
            self._replace(deployment, after, backend)
            if self._registers(deployment):
                try:
                    self._opened().save(after, wanted=True)
                except NotReadyError:
                    self._take_back(deployment, before, backend_before)
                    raise
                self._forget_at(backend_before, deployment)
                _LOG.info("xapp_upgraded", extra=fields(xapp=name, program=after.program))
                return
            # What a version that still runs has printed last may be its predecessor's.
            words = deployment.last_words() if deployment.last_exit else f"within {REGISTER_LIMIT_S:g} s"
            self._take_back(deployment, before, backend_before)
            self._forget_at(backend, deployment)
            back = "runs again" if self._registers(deployment) else "was started again and has not registered either"
        _LOG.error("xapp_upgrade_failed", extra=fields(xapp=name, program=after.program, last_words=words))
        raise UpgradeFailedError(f"{after.program} has not registered as {name} ({words}): the version before {back}")

    def logs(self, name: str, lines: int) -> list[str]:
        """The last lines that an xApp printed; raises UnknownXAppError, NotReadyError."""
        return self._known(name).backend.logs(name, lines)

    def deployments(self) -> list[Deployment]:
        """All of them, by name; to be read."""
        return [deployment for _, deployment in sorted(self._deployments.copy().items())]

    # Inside ---------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One change at a time an xApp; meanwhile nobody watches it."""
        self._opened()
        with self._lock:
            if name in self._busy:
                raise ConflictError(f"name: {name} is being changed by another request: ask again when it is done")
            if not self._lock.wait_for(lambda: self._watched != name, _WATCHED_LIMIT_S) or name in self._busy:
                raise NotReadyError(f"name: {name} is just being looked at or changed: ask again")
            self._busy.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(name)

    @contextmanager
    def _operation(self, name: str) -> Iterator[Deployment]:
        with self._alone(name):
            yield self._known(name)

    def _known(self, name: str) -> Deployment:
        deployment = self._deployments.get(name)
        if deployment is None:
            raise UnknownXAppError(f"name: {name!r} was not deployed here; deployed are {sorted(self._deployments)}")
        return deployment

    def _opened(self) -> DeploymentStore:
        self._ready.wait(READY_LIMIT_S)  # who asks right after the start is served
        if self._store is None or self._stopping.is_set():
            raise NotReadyError("the xApp manager is starting or stopping: ask again")
        return self._store

    def _backend(self, descriptor: Descriptor) -> Backend:
        return self._processes if descriptor.image is None else self._containers

    def _hold(self, name: str) -> None:
        """Have its subscriptions wait for who comes next under this name."""
        self._opened()
        self._command("hold", xapp_name=name, limit_s=_HOLD_S)

    @staticmethod
    def _forget_at(backend: Backend, deployment: Deployment) -> None:
        """Remove what an xApp that runs elsewhere now has left."""
        if deployment.backend is not backend:
            backend.forget(deployment.descriptor.name)

    def _take_back(self, deployment: Deployment, before: Descriptor, backend: Backend) -> None:
        with suppress(NotReadyError):  # a hot loop that is away takes no subscriptions down either
            self._hold(before.name)
        self._replace(deployment, before, backend)

    def _replace(self, deployment: Deployment, descriptor: Descriptor, backend: Backend) -> None:
        self._opened()  # nothing is started by a manager that stops
        deployment.stop()
        deployment.become(descriptor, backend)
        deployment.start()

    def _registers(self, deployment: Deployment) -> bool:
        """Whether what has just been started takes its place on the bus; False at once where it ends."""
        deadline_s = time.monotonic() + REGISTER_LIMIT_S
        while time.monotonic() < deadline_s and not self._stopping.is_set():
            registered = {}
            with suppress(NotReadyError):  # a hot loop that is away for a moment: not yet
                registered = self._registered(deployment.descriptor.name)
            if registered.get("alive") and not registered["held"]:
                return True
            if deployment.has_ended(time.monotonic()):
                return False
            time.sleep(_WATCH_S)
        return False

    def _require_free(self, name: str) -> None:
        """Refuse a name under which somebody lives on the bus; who has just ended is given time to be missed."""
        deadline_s = time.monotonic() + MISSED_WITHIN_S
        while self._registered(name).get("alive"):
            if time.monotonic() > deadline_s:
                raise ConflictError(
                    f"name: an xApp {name} is running that was not deployed here: "
                    "end it first (hiso up --leave-out AGENT does not start its own)"
                )
            time.sleep(_WATCH_S)

    def _registered(self, name: str) -> dict[str, Any]:
        """The hot loop's record of an xApp; empty where it has none."""
        return next((xapp for xapp in self._state("xapps") if xapp["name"] == name), {})

    def _state(self, part: str) -> list[dict[str, Any]]:
        """A part of what the hot loop tells of itself; raises NotReadyError."""
        answer = self._command("state")
        if answer.get("error"):
            raise NotReadyError(answer["error"])
        parts: list[dict[str, Any]] = answer[part]
        return parts

    def _delete_subscriptions(self, name: str) -> None:
        for item in self._state("subscriptions"):
            if item["xapp"] == name:
                ids = {key: item[key] for key in ("node_id", "ric_requestor_id", "ric_instance_id")}
                error = self._command("delete_subscription", PROCEDURE_TIMEOUT_S, **ids).get("error")
                if error:
                    _LOG.warning("subscription_not_deleted", extra=fields(xapp=name, key=item["key"], reason=error))

    def _command(self, command: str, timeout_s: float = _ANSWER_S, **arguments: Any) -> dict[str, Any]:
        try:
            return self._ask(command, timeout_s, **arguments)
        except HotLoopUnavailableError as error:
            raise NotReadyError(str(error)) from error

    # The manager's thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            try:
                if self._store is None:
                    self._open()
            except Exception:
                _LOG.exception("xapp_manager_not_opened")
            for deployment in self.deployments():
                self._watch(deployment)

    def _watch(self, deployment: Deployment) -> None:
        """Look at one that nobody is changing; requests for others do not wait meanwhile."""
        name = deployment.descriptor.name
        with self._lock:
            if self._stopping.is_set() or name in self._busy or self._deployments.get(name) is not deployment:
                return
            self._watched = name
        try:
            deployment.watch(time.monotonic())
        except Exception:
            # One xApp that cannot be watched must not leave the others alone.
            _LOG.exception("xapp_watch_failed", extra=fields(xapp=name))
        finally:
            with self._lock:
                self._watched = None
                self._lock.notify_all()

    def _open(self) -> None:
        """Know what the store says; who is to run is started by being watched."""
        try:
            self._command("state", STATE_TIMEOUT_S)  # the hot loop has opened the store, and xApps find a bus
            store = DeploymentStore(self._store_path)
            stored = store.load()
        except NotReadyError as error:
            _LOG.info("xapp_manager_waits", extra=fields(reason=str(error)))
            return
        for descriptor, wanted in stored:
            self._deployments[descriptor.name] = Deployment(descriptor, self._backend(descriptor), wanted=wanted)
        self._store = store
        self._ready.set()
