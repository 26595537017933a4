"""RIC subscriptions at the node (E2AP 8.2.1, 8.2.2): what is admitted, who holds which INSERT, what is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import DecodeError
from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import e2sm_budgets_pb2 as budgets
from hiso_proto import e2sm_kpm_pb2 as kpm_pb
from hiso_proto import e2sm_slot_pb2 as slots
from hiso_proto.e2ap_names import MAX_ACTION_ID, MAX_ACTIONS, MAX_REQUEST_ID

from ran_emulator import kpm
from ran_emulator.e2 import causes
from ran_emulator.e2.causes import NotAdmitted
from ran_emulator.e2.slot_wire.layout import DetailSchedule
from ran_emulator.scenario import SLICE_NAMES

KPM_FUNCTION, BUDGETS_FUNCTION, SLOT_FUNCTION = 2, 3, 4
"""This node's RAN function ids. Peers find a function by its OID."""

MAX_REPORTS = 64
MAX_DETAIL_PERIOD_SLOTS = 2**20

_STANDARD_WAIT_S = (1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""RicTimeToWait, in its order."""

RequestKey = tuple[int, int]


@dataclass(slots=True)
class Claim:
    """An admitted INSERT: who is asked, and how long an answer may take."""

    request_key: RequestKey
    function_id: int
    action_id: int
    content: bytes
    slice_id: int = 0
    wait_s: float | None = None
    """Seconds to wait for an answer; None: until the decided slot starts, or for ever in lock-step."""
    detail: DetailSchedule | None = None
    """Which outcomes carry the learning detail; None: no outcome."""
    compact: bool = False
    sequence_number: int = 0
    """The budget claim's; a slice's is counted where its frames are written."""


@dataclass(slots=True)
class Report:
    """An admitted KPM REPORT."""

    request_key: RequestKey
    action_id: int
    content: bytes
    columns: list[kpm.Column]
    info: list[kpm_pb.MeasurementInfoItem]
    seconds: int
    sequence_number: int = 0
    items: list[kpm_pb.MeasurementDataItem] = field(default_factory=list)
    first_second: int = 0


def request_key(request_id: e2ap.RicRequestId) -> RequestKey:
    """(requestor, instance) of a request id."""
    return request_id.ric_requestor_id, request_id.ric_instance_id


class Subscriptions:
    """What the RIC has subscribed at this node."""

    def __init__(self) -> None:
        """None."""
        self.clear()

    def clear(self) -> None:
        """Forget all (setup, reset, loss of the stream)."""
        self.slot_claims: list[Claim | None] = [None] * len(SLICE_NAMES)
        self.budget_claim: Claim | None = None
        self.reports: list[Report] = []

    def holds(self, name: str) -> bool:
        """Whether the claim `budgets` or the slice of that name is subscribed."""
        if name == "budgets":
            return self.budget_claim is not None
        return self.slot_claims[SLICE_NAMES.index(name)] is not None

    def function_of(self, key: RequestKey) -> int | None:
        """The RAN function that a request id is subscribed to; None where it is unknown."""
        for claim in (*self.slot_claims, self.budget_claim):
            if claim is not None and claim.request_key == key:
                return claim.function_id
        if any(report.request_key == key for report in self.reports):
            return KPM_FUNCTION
        return None

    def keys_of(self, function: int) -> list[RequestKey]:
        """Request ids that are subscribed to a RAN function, each once."""
        claims = [claim for claim in (*self.slot_claims, self.budget_claim) if claim is not None]
        keys = [claim.request_key for claim in claims if claim.function_id == function]
        if function == KPM_FUNCTION:
            keys += [report.request_key for report in self.reports]
        return list(dict.fromkeys(keys))

    def subscribe(self, request: e2ap.RicSubscriptionRequest) -> e2ap.RicSubscriptionResponse:
        """Admit what can be admitted of a request; its answer.

        Raises:
            NotAdmitted: nothing was admitted, nothing has changed.
        """
        admit = self._admission(request)
        response = e2ap.RicSubscriptionResponse(
            ric_request_id=request.ric_request_id, ran_function_id=request.ran_function_id
        )
        first: NotAdmitted | None = None
        seen: set[int] = set()
        for action in request.ric_action_to_be_setup_list:
            try:
                self._check_action_id(action, seen)
                admit(action)
            except NotAdmitted as refusal:
                first = first or refusal
                response.ric_actions_not_admitted.add(ric_action_id=action.ric_action_id, cause=refusal.cause)
            else:
                response.ric_actions_admitted.append(action.ric_action_id)
            seen.add(action.ric_action_id)
        if not response.ric_actions_admitted:
            raise first or NotAdmitted(
                causes.SEMANTIC_ERROR, f"ric_action_to_be_setup_list: 1..{MAX_ACTIONS} actions are required"
            )
        return response

    def delete(self, request: e2ap.RicSubscriptionDeleteRequest) -> list[Claim]:
        """Delete a subscription; the INSERT claims that end with it.

        Raises:
            NotAdmitted: unknown request id, or another function's.
        """
        key = request_key(request.ric_request_id)
        function = self.function_of(key)
        if function is None:
            raise NotAdmitted(causes.REQUEST_ID_UNKNOWN, f"ric_request_id: {key[0]}-{key[1]} is not subscribed")
        if function != request.ran_function_id:
            raise NotAdmitted(
                causes.FUNCTION_ID_INVALID, f"ran_function_id: the subscription is of {function}, not of this function"
            )
        ended = [c for c in (*self.slot_claims, self.budget_claim) if c is not None and c.request_key == key]
        self.slot_claims = [None if c in ended else c for c in self.slot_claims]
        if self.budget_claim in ended:
            self.budget_claim = None
        self.reports = [report for report in self.reports if report.request_key != key]
        return ended

    def _admission(self, request: e2ap.RicSubscriptionRequest) -> Callable[[e2ap.RicAction], None]:
        """What admits one action of a request, after all that concerns the request as a whole has been checked."""
        key = request_key(request.ric_request_id)
        if max(key) > MAX_REQUEST_ID:
            raise NotAdmitted(causes.SEMANTIC_ERROR, f"ric_request_id: {key[0]}-{key[1]} is not in 0..{MAX_REQUEST_ID}")
        admissions = {
            KPM_FUNCTION: self._admit_report,
            BUDGETS_FUNCTION: self._admit_budgets,
            SLOT_FUNCTION: self._admit_slot,
        }
        if request.ran_function_id not in admissions:
            raise NotAdmitted(
                causes.FUNCTION_ID_INVALID,
                f"ran_function_id: {request.ran_function_id} is none of {', '.join(map(str, admissions))}",
            )
        if self.function_of(key) is not None:
            raise NotAdmitted(causes.DUPLICATE_REQUEST_ID, f"ric_request_id: {key[0]}-{key[1]} is subscribed already")
        count = len(request.ric_action_to_be_setup_list)
        if count > MAX_ACTIONS:
            raise NotAdmitted(
                causes.EXCESSIVE_ACTIONS, f"ric_action_to_be_setup_list: {count} actions, 1..{MAX_ACTIONS} are allowed"
            )
        return admissions[request.ran_function_id](request, key)

    @staticmethod
    def _check_action_id(action: e2ap.RicAction, seen: set[int]) -> None:
        if action.ric_action_id > MAX_ACTION_ID:
            raise NotAdmitted(
                causes.SEMANTIC_ERROR, f"ric_action_id: {action.ric_action_id} is not in 0..{MAX_ACTION_ID}"
            )
        if action.ric_action_id in seen:
            raise NotAdmitted(causes.DUPLICATE_ACTION, f"ric_action_id: {action.ric_action_id} stands twice")

    # Slot control

    def _admit_slot(self, request: e2ap.RicSubscriptionRequest, key: RequestKey) -> Callable[[e2ap.RicAction], None]:
        trigger = _trigger(slots.EventTriggerDefinition, request)
        if trigger.slice_id >= len(SLICE_NAMES):
            raise NotAdmitted(
                causes.EVENT_TRIGGER_NOT_SUPPORTED,
                f"slice_id: must be 0..{len(SLICE_NAMES) - 1} (given {trigger.slice_id})",
            )

        def admit(action: e2ap.RicAction) -> None:
            wait_s = _insert_wait_s(action)
            definition = _action_definition(slots.ActionDefinition, action)
            holder = self.slot_claims[trigger.slice_id]
            claim = Claim(
                key,
                SLOT_FUNCTION,
                action.ric_action_id,
                _content(request, action),
                trigger.slice_id,
                wait_s,
                _detail(definition),
                definition.compact,
            )
            _check_free(holder, claim, f"slice_id: the INSERT of slice {trigger.slice_id}")
            self.slot_claims[trigger.slice_id] = claim

        return admit

    # Slice budgets

    def _admit_budgets(self, request: e2ap.RicSubscriptionRequest, key: RequestKey) -> Callable[[e2ap.RicAction], None]:
        trigger = _trigger(budgets.EventTriggerDefinition, request)
        if trigger.period_s != 1:
            raise NotAdmitted(causes.EVENT_TRIGGER_NOT_SUPPORTED, f"period_s: must be 1 (given {trigger.period_s})")

        def admit(action: e2ap.RicAction) -> None:
            wait_s = _insert_wait_s(action)
            _action_definition(budgets.ActionDefinition, action)
            claim = Claim(key, BUDGETS_FUNCTION, action.ric_action_id, _content(request, action), wait_s=wait_s)
            _check_free(self.budget_claim, claim, "the INSERT of budgets")
            self.budget_claim = claim

        return admit

    # KPM

    def _admit_report(self, request: e2ap.RicSubscriptionRequest, key: RequestKey) -> Callable[[e2ap.RicAction], None]:
        period_ms = _trigger(kpm_pb.EventTriggerDefinition, request).reporting_period_ms
        if not 1 <= period_ms <= kpm.MAX_REPORTING_PERIOD_MS or period_ms % kpm.GRANULARITY_MS:
            raise NotAdmitted(
                causes.EVENT_TRIGGER_NOT_SUPPORTED,
                f"reporting_period_ms: must be a multiple of {kpm.GRANULARITY_MS} in {kpm.GRANULARITY_MS}.."
                f"{kpm.MAX_REPORTING_PERIOD_MS} (given {period_ms})",
            )

        def admit(action: e2ap.RicAction) -> None:
            if action.ric_action_type != e2ap.REPORT:
                raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, "ric_action_type: KPM offers REPORT only")
            definition = _action_definition(kpm_pb.ActionDefinition, action)
            if definition.ric_style_type != 1:
                raise NotAdmitted(
                    causes.ACTION_NOT_SUPPORTED, f"ric_style_type: must be 1 (given {definition.ric_style_type})"
                )
            if definition.granul_period_ms != kpm.GRANULARITY_MS:
                raise NotAdmitted(
                    causes.ACTION_NOT_SUPPORTED,
                    f"granul_period_ms: must be {kpm.GRANULARITY_MS} (given {definition.granul_period_ms})",
                )
            self._add_report(request, action, key, definition, period_ms // kpm.GRANULARITY_MS)

        return admit

    def _add_report(
        self,
        request: e2ap.RicSubscriptionRequest,
        action: e2ap.RicAction,
        key: RequestKey,
        definition: kpm_pb.ActionDefinition,
        seconds: int,
    ) -> None:
        info = list(definition.meas_info_list)
        try:
            columns = kpm.columns(info)
        except kpm.UnknownMeasurementError as error:
            raise NotAdmitted(causes.INFORMATION_UNAVAILABLE, str(error)) from error
        except kpm.RepeatedMeasurementError as error:
            raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, str(error)) from error
        if not columns:
            raise NotAdmitted(causes.INFORMATION_UNAVAILABLE, "meas_info_list: at least one measurement is required")
        content = _content(request, action)
        for report in self.reports:
            if report.request_key[0] == key[0] and report.content == content:
                raise NotAdmitted(causes.DUPLICATE_EVENT_TRIGGER, "this requestor holds the same trigger and action")
        if len(self.reports) >= MAX_REPORTS:
            raise NotAdmitted(causes.FUNCTION_RESOURCE_LIMIT, f"at most {MAX_REPORTS} REPORT actions are admitted")
        self.reports.append(Report(key, action.ric_action_id, content, columns, info, seconds))


_TriggerT = TypeVar(
    "_TriggerT", slots.EventTriggerDefinition, budgets.EventTriggerDefinition, kpm_pb.EventTriggerDefinition
)
_ActionT = TypeVar("_ActionT", slots.ActionDefinition, budgets.ActionDefinition, kpm_pb.ActionDefinition)


def _trigger(kind: type[_TriggerT], request: e2ap.RicSubscriptionRequest) -> _TriggerT:
    try:
        return kind.FromString(request.ric_event_trigger_definition)
    except DecodeError as error:
        raise NotAdmitted(
            causes.EVENT_TRIGGER_NOT_SUPPORTED,
            f"ric_event_trigger_definition: is not a {kind.DESCRIPTOR.full_name}",
        ) from error


def _action_definition(kind: type[_ActionT], action: e2ap.RicAction) -> _ActionT:
    try:
        return kind.FromString(action.ric_action_definition)
    except DecodeError as error:
        raise NotAdmitted(
            causes.ACTION_NOT_SUPPORTED, f"ric_action_definition: is not a {kind.DESCRIPTOR.full_name}"
        ) from error


def _detail(definition: slots.ActionDefinition) -> DetailSchedule | None:
    """Which outcomes carry the learning detail; None: no outcome."""
    asked = definition.detail_schedule
    if not definition.HasField("detail_schedule"):
        return DetailSchedule() if definition.learning_detail else None
    for name, least, most in (
        ("period_slots", 1, MAX_DETAIL_PERIOD_SLOTS),
        ("burst_slots", 1, asked.period_slots),
        ("offset_slots", 0, asked.period_slots - 1),
    ):
        given = getattr(asked, name)
        if not least <= given <= most:
            raise NotAdmitted(
                causes.ACTION_NOT_SUPPORTED, f"detail_schedule.{name}: must be {least}..{most} (given {given})"
            )
    if not definition.learning_detail:
        raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, "detail_schedule: needs learning_detail")
    return DetailSchedule(asked.period_slots, asked.burst_slots, asked.offset_slots)


def _content(request: e2ap.RicSubscriptionRequest, action: e2ap.RicAction) -> bytes:
    """What makes two subscriptions the same: trigger and action, whatever its id."""
    bare = e2ap.RicAction()
    bare.CopyFrom(action)
    bare.ric_action_id = 0
    return request.ric_event_trigger_definition + b"|" + bare.SerializeToString(deterministic=True)


def _insert_wait_s(action: e2ap.RicAction) -> float | None:
    """Seconds to wait for the answer to an INSERT; None: until the decided slot starts, or no limit."""
    if action.ric_action_type != e2ap.INSERT:
        raise NotAdmitted(causes.ACTION_NOT_SUPPORTED, "ric_action_type: this function offers INSERT only")
    after = action.ric_subsequent_action
    limit = after.WhichOneof("time_to_wait")
    if not action.HasField("ric_subsequent_action") or limit is None:
        raise NotAdmitted(
            causes.INCONSISTENT_SUBSEQUENT_ACTION, "ric_subsequent_action: INSERT requires it, with a time_to_wait"
        )
    if after.type != e2ap.CONTINUE:
        raise NotAdmitted(
            causes.INCONSISTENT_SUBSEQUENT_ACTION,
            "ric_subsequent_action.type: must be CONTINUE (the node goes on by its fallback)",
        )
    if limit == "standard":
        if not 0 <= after.standard < len(_STANDARD_WAIT_S):
            raise NotAdmitted(
                causes.INCONSISTENT_SUBSEQUENT_ACTION, "ric_subsequent_action.standard: w1ms..w60s are allowed"
            )
        return _STANDARD_WAIT_S[after.standard]
    if limit == "vendor_us":
        if after.vendor_us == 0:
            raise NotAdmitted(
                causes.INCONSISTENT_SUBSEQUENT_ACTION, "ric_subsequent_action.vendor_us: must be at least 1"
            )
        return after.vendor_us * 1e-6
    return None


def _check_free(holder: Claim | None, claim: Claim, what: str) -> None:
    if holder is None:
        return
    if holder.request_key == claim.request_key:
        raise NotAdmitted(causes.DUPLICATE_ACTION, f"{what} stands twice in this request")
    if holder.request_key[0] == claim.request_key[0] and holder.content == claim.content:
        raise NotAdmitted(causes.DUPLICATE_EVENT_TRIGGER, f"{what} is held by this requestor with the same content")
    requestor, instance = holder.request_key
    raise NotAdmitted(causes.FUNCTION_RESOURCE_LIMIT, f"{what} is held by request {requestor}-{instance}")
