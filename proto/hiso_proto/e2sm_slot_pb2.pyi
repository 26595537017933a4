from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HwiModel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAPER: _ClassVar[HwiModel]
    AGGREGATE: _ClassVar[HwiModel]
PAPER: HwiModel
AGGREGATE: HwiModel

class RanFunctionDefinition(_message.Message):
    __slots__ = ("short_name", "slot_us", "control_delay_slots", "lockstep", "max_group_users", "codebook_beams", "antennas", "slices", "access", "precoder")
    SHORT_NAME_FIELD_NUMBER: _ClassVar[int]
    SLOT_US_FIELD_NUMBER: _ClassVar[int]
    CONTROL_DELAY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    LOCKSTEP_FIELD_NUMBER: _ClassVar[int]
    MAX_GROUP_USERS_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_BEAMS_FIELD_NUMBER: _ClassVar[int]
    ANTENNAS_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    ACCESS_FIELD_NUMBER: _ClassVar[int]
    PRECODER_FIELD_NUMBER: _ClassVar[int]
    short_name: str
    slot_us: int
    control_delay_slots: int
    lockstep: bool
    max_group_users: int
    codebook_beams: int
    antennas: int
    slices: _containers.RepeatedCompositeFieldContainer[SliceItem]
    access: str
    precoder: str
    def __init__(self, short_name: _Optional[str] = ..., slot_us: _Optional[int] = ..., control_delay_slots: _Optional[int] = ..., lockstep: bool = ..., max_group_users: _Optional[int] = ..., codebook_beams: _Optional[int] = ..., antennas: _Optional[int] = ..., slices: _Optional[_Iterable[_Union[SliceItem, _Mapping]]] = ..., access: _Optional[str] = ..., precoder: _Optional[str] = ...) -> None: ...

class SliceItem(_message.Message):
    __slots__ = ("slice_id", "name", "min_rate_bps", "max_latency_us", "ssr_threshold", "first_user_id", "users")
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MIN_RATE_BPS_FIELD_NUMBER: _ClassVar[int]
    MAX_LATENCY_US_FIELD_NUMBER: _ClassVar[int]
    SSR_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    FIRST_USER_ID_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    name: str
    min_rate_bps: float
    max_latency_us: int
    ssr_threshold: float
    first_user_id: int
    users: int
    def __init__(self, slice_id: _Optional[int] = ..., name: _Optional[str] = ..., min_rate_bps: _Optional[float] = ..., max_latency_us: _Optional[int] = ..., ssr_threshold: _Optional[float] = ..., first_user_id: _Optional[int] = ..., users: _Optional[int] = ...) -> None: ...

class EventTriggerDefinition(_message.Message):
    __slots__ = ("slice_id",)
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    def __init__(self, slice_id: _Optional[int] = ...) -> None: ...

class ActionDefinition(_message.Message):
    __slots__ = ("learning_detail", "compact", "detail_schedule")
    LEARNING_DETAIL_FIELD_NUMBER: _ClassVar[int]
    COMPACT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    learning_detail: bool
    compact: bool
    detail_schedule: DetailSchedule
    def __init__(self, learning_detail: bool = ..., compact: bool = ..., detail_schedule: _Optional[_Union[DetailSchedule, _Mapping]] = ...) -> None: ...

class DetailSchedule(_message.Message):
    __slots__ = ("period_slots", "burst_slots", "offset_slots")
    PERIOD_SLOTS_FIELD_NUMBER: _ClassVar[int]
    BURST_SLOTS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_SLOTS_FIELD_NUMBER: _ClassVar[int]
    period_slots: int
    burst_slots: int
    offset_slots: int
    def __init__(self, period_slots: _Optional[int] = ..., burst_slots: _Optional[int] = ..., offset_slots: _Optional[int] = ...) -> None: ...

class IndicationHeader(_message.Message):
    __slots__ = ("decided_slot", "observed_slot", "slice_id")
    DECIDED_SLOT_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_SLOT_FIELD_NUMBER: _ClassVar[int]
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    decided_slot: int
    observed_slot: int
    slice_id: int
    def __init__(self, decided_slot: _Optional[int] = ..., observed_slot: _Optional[int] = ..., slice_id: _Optional[int] = ...) -> None: ...

class IndicationMessage(_message.Message):
    __slots__ = ("bandwidth_hz", "power_w", "noise_w", "hwi_model", "kappa_t", "kappa_r", "user_ids", "queue_bits", "head_age_us", "ssr", "last_outcome", "beam_gains", "outcomes", "beam_reports")
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    NOISE_W_FIELD_NUMBER: _ClassVar[int]
    HWI_MODEL_FIELD_NUMBER: _ClassVar[int]
    KAPPA_T_FIELD_NUMBER: _ClassVar[int]
    KAPPA_R_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_BITS_FIELD_NUMBER: _ClassVar[int]
    HEAD_AGE_US_FIELD_NUMBER: _ClassVar[int]
    SSR_FIELD_NUMBER: _ClassVar[int]
    LAST_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    BEAM_GAINS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    BEAM_REPORTS_FIELD_NUMBER: _ClassVar[int]
    bandwidth_hz: int
    power_w: float
    noise_w: float
    hwi_model: HwiModel
    kappa_t: float
    kappa_r: float
    user_ids: bytes
    queue_bits: bytes
    head_age_us: bytes
    ssr: bytes
    last_outcome: bytes
    beam_gains: bytes
    outcomes: _containers.RepeatedCompositeFieldContainer[SlotOutcome]
    beam_reports: bytes
    def __init__(self, bandwidth_hz: _Optional[int] = ..., power_w: _Optional[float] = ..., noise_w: _Optional[float] = ..., hwi_model: _Optional[_Union[HwiModel, str]] = ..., kappa_t: _Optional[float] = ..., kappa_r: _Optional[float] = ..., user_ids: _Optional[bytes] = ..., queue_bits: _Optional[bytes] = ..., head_age_us: _Optional[bytes] = ..., ssr: _Optional[bytes] = ..., last_outcome: _Optional[bytes] = ..., beam_gains: _Optional[bytes] = ..., outcomes: _Optional[_Iterable[_Union[SlotOutcome, _Mapping]]] = ..., beam_reports: _Optional[bytes] = ...) -> None: ...

class SlotOutcome(_message.Message):
    __slots__ = ("slot", "common_power_w", "bandwidth_hz", "power_w", "user_ids", "beams", "private_power_w", "common_sdnr", "common_share", "private_sdnr", "private_rate", "rate_bps", "sent_bits", "decision_source", "beam_gains", "common_gain", "channel_gain", "noise_w", "hwi_model", "kappa_t", "kappa_r")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    COMMON_POWER_W_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    BEAMS_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_POWER_W_FIELD_NUMBER: _ClassVar[int]
    COMMON_SDNR_FIELD_NUMBER: _ClassVar[int]
    COMMON_SHARE_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_SDNR_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_RATE_FIELD_NUMBER: _ClassVar[int]
    RATE_BPS_FIELD_NUMBER: _ClassVar[int]
    SENT_BITS_FIELD_NUMBER: _ClassVar[int]
    DECISION_SOURCE_FIELD_NUMBER: _ClassVar[int]
    BEAM_GAINS_FIELD_NUMBER: _ClassVar[int]
    COMMON_GAIN_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_GAIN_FIELD_NUMBER: _ClassVar[int]
    NOISE_W_FIELD_NUMBER: _ClassVar[int]
    HWI_MODEL_FIELD_NUMBER: _ClassVar[int]
    KAPPA_T_FIELD_NUMBER: _ClassVar[int]
    KAPPA_R_FIELD_NUMBER: _ClassVar[int]
    slot: int
    common_power_w: float
    bandwidth_hz: int
    power_w: float
    user_ids: bytes
    beams: bytes
    private_power_w: bytes
    common_sdnr: bytes
    common_share: bytes
    private_sdnr: bytes
    private_rate: bytes
    rate_bps: bytes
    sent_bits: bytes
    decision_source: bytes
    beam_gains: bytes
    common_gain: bytes
    channel_gain: bytes
    noise_w: float
    hwi_model: HwiModel
    kappa_t: float
    kappa_r: float
    def __init__(self, slot: _Optional[int] = ..., common_power_w: _Optional[float] = ..., bandwidth_hz: _Optional[int] = ..., power_w: _Optional[float] = ..., user_ids: _Optional[bytes] = ..., beams: _Optional[bytes] = ..., private_power_w: _Optional[bytes] = ..., common_sdnr: _Optional[bytes] = ..., common_share: _Optional[bytes] = ..., private_sdnr: _Optional[bytes] = ..., private_rate: _Optional[bytes] = ..., rate_bps: _Optional[bytes] = ..., sent_bits: _Optional[bytes] = ..., decision_source: _Optional[bytes] = ..., beam_gains: _Optional[bytes] = ..., common_gain: _Optional[bytes] = ..., channel_gain: _Optional[bytes] = ..., noise_w: _Optional[float] = ..., hwi_model: _Optional[_Union[HwiModel, str]] = ..., kappa_t: _Optional[float] = ..., kappa_r: _Optional[float] = ...) -> None: ...

class ControlHeader(_message.Message):
    __slots__ = ("slice_id", "decided_slot")
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_SLOT_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    decided_slot: int
    def __init__(self, slice_id: _Optional[int] = ..., decided_slot: _Optional[int] = ...) -> None: ...

class ControlMessage(_message.Message):
    __slots__ = ("user_ids", "beams", "private_power_w", "common_power_w", "rest")
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    BEAMS_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_POWER_W_FIELD_NUMBER: _ClassVar[int]
    COMMON_POWER_W_FIELD_NUMBER: _ClassVar[int]
    REST_FIELD_NUMBER: _ClassVar[int]
    user_ids: bytes
    beams: bytes
    private_power_w: bytes
    common_power_w: float
    rest: bool
    def __init__(self, user_ids: _Optional[bytes] = ..., beams: _Optional[bytes] = ..., private_power_w: _Optional[bytes] = ..., common_power_w: _Optional[float] = ..., rest: bool = ...) -> None: ...

class ControlOutcome(_message.Message):
    __slots__ = ("constraint", "text")
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    constraint: str
    text: str
    def __init__(self, constraint: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...
