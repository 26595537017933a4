"""The hot loop: slots one after the other, by the rules of time of the clock (`python -m ran_emulator.hot_loop`).

Everything that changes the cell happens in this thread: what other threads bring waits in one inbox.
"""

from __future__ import annotations

import gc
import logging
import math
import socket
import sys
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from ran_emulator.arguments import USAGE_ERROR, Arguments, parse_arguments
from ran_emulator.cell import Cell, SecondWindow, cell_name
from ran_emulator.clock import CATCH_UP_S, SlotPace
from ran_emulator.commands import Command, CommandServer, FaceGone, carry_out
from ran_emulator.e2.link import E2Link
from ran_emulator.e2.node import E2Node
from ran_emulator.latencies import Latencies
from ran_emulator.publisher import Publisher
from ran_emulator.run_summary import run_summary, write_summary
from ran_emulator.snapshot import FILE_NAME, PERIOD_S, SnapshotFile
from ran_emulator.warm_up import warm_up
from service_kit.byte_streams import BindingsError, check_bindings
from service_kit.ending import run_and_leave
from service_kit.interpreter import exact_timers, stop_collector
from service_kit.logs import configure_logs, fields
from service_kit.placement import pin, take_precedence
from service_kit.signals import stop_on_signals
from service_kit.wakefulness import keep_cores_awake

_LOG = logging.getLogger(__name__)

SILENCE_S = 1.0
LOCKSTEP_SILENCE_S = 30.0
LEAVE_S = 0.5
STOPPED_S = 1.0
"""A loop that has not run for so long was stopped, by a person or by a machine that slept."""
LONGEST_SLEEP_S = 0.001
"""Longer than a slot in real time; what is not of slots must not wait for those of a slow clock."""
BREATH_SLOTS, BREATH_S = 32, 0.001
"""Where a loop hurries it sleeps once in so many slots: it does not hold its clock, and must not keep the face, the
link and agents that start from their core for ever (SCHED_FIFO would)."""
CHORE_SLOTS = 4
"""One chore in so many slots."""


class _Stop:
    """A signal asked the process to end."""


class HotLoop:
    """Runs a cell's slots against its clock."""

    def __init__(
        self,
        arguments: Arguments,
        cell: Cell,
        node: E2Node,
        publisher: Publisher,
        inbox: SimpleQueue[Any],
        commands: CommandServer | None,
    ) -> None:
        """`inbox`: what the link, the face and signals bring. `commands` None: there is no face."""
        self.late_slots = 0
        self.started_s = time.monotonic()
        self._schedule_s = self._ended_s = self.started_s
        """When slot 0 began, or would have begun had nothing been missed; when the last slot ended."""
        self._pace = SlotPace(arguments.clock.slot_s)
        self.latencies = Latencies()
        self._arguments = arguments
        self._cell = cell
        self._node = node
        self._publisher = publisher
        self._inbox = inbox
        self._commands = commands
        self._pending: list[Command] = []
        self._stopping = False
        self._chores: list[Callable[[], object]] = []

    def run(self) -> None:
        """Slots until the end of the run or a signal."""
        lockstep = self._arguments.clock.lockstep
        self._publisher.publish(0)
        if lockstep:
            self._await_subscriptions()
        self.started_s = self._schedule_s = self._ended_s = time.monotonic()
        self._node.ask_budgets(self._cell.window())
        if lockstep:
            self._await_budgets()
        slots = math.inf if self._arguments.slots is None else self._arguments.slots
        step = self._lockstep_slot if lockstep else self._scheduled_slot
        while not self._stopping and self._cell.slot < slots:
            step()
        if lockstep:
            for decided_slot in range(self._cell.slot, self._cell.slot + self._cell.control_delay_slots):
                self._await_decisions(decided_slot)  # what was asked is answered, and counted
        elif not self._stopping:
            self._serve_until(self._schedule_s + self._cell.slot * self._arguments.clock.slot_s)
        for chore in self._chores:
            chore()
        self._take_latencies()
        self._node.flush()
        self._publisher.publish(self.late_slots)

    def write_summary(self) -> bool:
        """Write the run's summary where the arguments ask for one; False where that fails."""
        arguments = self._arguments
        if arguments.summary is None:
            return True
        wall_s = time.monotonic() - self.started_s
        figures = run_summary(arguments, self._cell, self._node, wall_s, self.late_slots, self.latencies)
        try:
            write_summary(arguments.summary, figures)
        except OSError as error:
            _LOG.error("summary_not_written", extra=fields(file=str(arguments.summary), reason=error.strerror))
            return False
        return True

    def leave_ric(self) -> None:
        """End the relation with the RIC in order (E2 Removal); an answer is awaited for `LEAVE_S`."""
        deadline_s = time.monotonic() + LEAVE_S
        if self._node.leave():
            while self._node.connected and self._serve_one(deadline_s):
                pass

    # One slot

    def _lockstep_slot(self) -> None:
        cell, node = self._cell, self._node
        self._take_events()
        self._carry_out_commands()
        slot = cell.slot
        cell.begin_slot()
        node.ask()
        if node.waiting_for(slot):
            self._await_decisions(slot)
            if node.waiting_for(slot):
                return  # asked to end: a slot executed on the fallback would be told as a late one
        window = self._execute(slot)
        if window is not None:
            for chore in self._chores_of(window):
                chore()
        self._await_budgets()
        self._publish_if_due()

    def _scheduled_slot(self) -> None:
        cell, node = self._cell, self._node
        slot = cell.slot
        slot_s = self._arguments.clock.slot_s
        scheduled_s = begin_s = self._schedule_s + slot * slot_s
        end_s = scheduled_s + slot_s
        if cell.control_delay_slots:
            begin_s = self._pace.begin_s(scheduled_s)
            self._sleep_until(begin_s)
        self._serve_until(begin_s)
        if self._stopping:
            return
        self._pace.began(time.monotonic())
        self._carry_out_commands()
        cell.begin_slot()
        node.ask()
        if cell.control_delay_slots == 0:
            while node.waiting_for(slot) and not self._stopping and self._serve_one(end_s):
                pass
        self._take_events()
        window = self._execute(slot)
        if window is not None:
            self._chores += self._chores_of(window)
        elif self._chores and slot % CHORE_SLOTS == 0:
            self._serve_until(begin_s + slot_s / 2)  # what the slot has sent leaves, and its answers come, before
            self._chores.pop(0)()
        now_s = time.monotonic()
        if now_s > end_s:
            self.late_slots += 1
            if now_s - end_s > CATCH_UP_S and slot % BREATH_SLOTS == 0:
                time.sleep(BREATH_S)
            if now_s - self._ended_s > STOPPED_S:
                # The slots that it missed are gone: in a burst no decision for them would come in time.
                missed_s = now_s - end_s
                _LOG.warning("stopped", extra=fields(slot=slot, missed_s=missed_s))
                self._schedule_s += missed_s
                self.late_slots += int(missed_s / slot_s)
        self._ended_s = now_s
        self._publish_if_due()

    def _execute(self, slot: int) -> SecondWindow | None:
        """Steps 5 and 6; the second that this slot closes."""
        window = self._cell.execute_slot()
        self._node.executed(slot)
        return window

    def _chores_of(self, window: SecondWindow) -> list[Callable[[], object]]:
        """What a closed second gives to do, step 7 first. On a schedule each takes a good part of a slot."""
        closed = self._node.close_second(window)
        return [
            lambda: self._node.report_second(closed),
            lambda: self._publisher.second_closed(window, self._take_latencies() * 1e3),
            gc.collect,
        ]

    def _take_latencies(self) -> npt.NDArray[np.float64]:
        latencies_s = np.array(self._node.latencies_s, np.float64)
        self._node.latencies_s.clear()
        self.latencies.add(latencies_s)
        return latencies_s

    # Waiting

    def _await_subscriptions(self) -> None:
        """Lock-step's slot 0 waits until what --await names is subscribed."""
        missing: list[str] = []
        while not self._stopping:
            still = [name for name in self._arguments.awaited if not self._node.subscriptions.holds(name)]
            if not still:
                return
            if still != missing:
                _LOG.info("waiting_for_subscriptions", extra=fields(missing=still))
                missing = still
            self._serve_one(time.monotonic() + PERIOD_S)
            self._carry_out_commands()
            self._publish_if_due()

    def _await_decisions(self, slot: int) -> None:
        while self._node.waiting_for(slot) and not self._stopping:
            self._wait_in_lockstep(slot)

    def _await_budgets(self) -> None:
        while self._node.waiting_for_budgets and not self._stopping:
            self._wait_in_lockstep(self._cell.slot)

    def _wait_in_lockstep(self, slot: int) -> None:
        """One event, or the end of a time to wait."""
        now_s = time.monotonic()
        next_end_s = self._node.end_waits(slot, now_s)
        if not self._serve_one(min(next_end_s, now_s + PERIOD_S)):
            self._publish_if_due()

    def _sleep_until(self, due_s: float) -> None:
        """Handle what has come, and sleep: no slot before the next wants what comes, and each wake takes time of it."""
        self._take_events()
        self._node.flush()
        left_s = min(due_s - time.monotonic(), LONGEST_SLEEP_S)
        if left_s > 0:
            time.sleep(left_s)

    def _serve_until(self, deadline_s: float) -> None:
        """Handle what comes until a moment of the monotonic clock; what has come is handled in any case."""
        while self._serve_one(deadline_s) and not self._stopping:
            pass

    def _serve_one(self, deadline_s: float) -> bool:
        """Handle the next event; False where none comes until `deadline_s`."""
        inbox = self._inbox
        try:
            # Also because it takes the queue's lock: in Python 3.11 and 3.12 a wait of microseconds that finds it free
            # may end up waiting for ever.
            event = inbox.get_nowait()
        except Empty:
            self._node.flush()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            try:
                event = inbox.get(True, left_s)
            except Empty:
                return False
        self._handle(event)
        return True

    def _take_events(self) -> None:
        """Handle what has come."""
        inbox = self._inbox
        while not inbox.empty():
            self._handle(inbox.get_nowait())

    def _handle(self, event: Any) -> None:
        if isinstance(event, Command):
            self._pending.append(event)
        elif isinstance(event, _Stop | FaceGone):
            self._stopping = True
        else:
            self._node.handle(event)

    def _carry_out_commands(self) -> None:
        if self._pending and self._commands is not None:
            for command in self._pending:
                if self._commands.take(command):
                    self._commands.answer(command, carry_out(command, self._cell, self._node))
            self._pending.clear()

    def _publish_if_due(self) -> None:
        if time.monotonic() >= self._publisher.due_s:
            self._publisher.publish(self.late_slots)


def main(argv: Sequence[str]) -> int:
    """The process: 0 at the end of the run or on SIGTERM, 1 where its summary is lost, 2 where it cannot start."""
    arguments = parse_arguments(argv)
    configure_logs("ran-emulator")
    try:
        check_bindings()
    except BindingsError as error:
        _LOG.error("emulator_cannot_start", extra=fields(reason=str(error)))
        return USAGE_ERROR
    pin(arguments.cpu)
    inbox: SimpleQueue[Any] = SimpleQueue()
    stop_on_signals(lambda: sys.exit(0))
    commands = None
    if arguments.commands_fd is not None:
        commands = CommandServer(socket.socket(fileno=arguments.commands_fd), inbox)
    warm_up()
    cell = Cell(arguments.scenario, arguments.seed, arguments.control_delay_slots, cell_name(arguments.cell))
    cell.on_event = lambda event: _LOG.info("event", extra=fields(**event))
    cell.schedule(arguments.timeline)
    lockstep = arguments.clock.lockstep
    link = E2Link(arguments.e2_target, LOCKSTEP_SILENCE_S if lockstep else SILENCE_S, inbox)
    node = E2Node(cell, link, arguments.gnb_id, lockstep)
    snapshot = SnapshotFile(arguments.run_dir / FILE_NAME, len(cell.state.users))
    loop = HotLoop(arguments, cell, node, Publisher(cell, node, snapshot), inbox, commands)
    take_precedence(arguments.fifo)  # before the stream's threads, which inherit it
    keep_cores_awake()
    link.start()
    stop_on_signals(lambda: inbox.put(_Stop()))
    stop_collector()  # the loop collects between two slots
    exact_timers()
    loop.run()
    written = loop.write_summary()
    loop.leave_ric()
    link.stop()
    _LOG.info("emulator_ended", extra=fields(slot=cell.slot))
    return 0 if written else 1


if __name__ == "__main__":
    run_and_leave(lambda: main(sys.argv[1:]))
