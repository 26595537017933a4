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
    __slots__ = ("short_name", "total_bandwidth_hz", "total_power_w", "bandwidth_floor_hz", "power_floor_w", "period_slots", "control_delay_slots", "lockstep", "slice_names")
    SHORT_NAME_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POWER_W_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_FLOOR_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_FLOOR_W_FIELD_NUMBER: _ClassVar[int]
    PERIOD_SLOTS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_DELAY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    LOCKSTEP_FIELD_NUMBER: _ClassVar[int]
    SLICE_NAMES_FIELD_NUMBER: _ClassVar[int]
    short_name: str
    total_bandwidth_hz: int
    total_power_w: float
    bandwidth_floor_hz: int
    power_floor_w: float
    period_slots: int
    control_delay_slots: int
    lockstep: bool
    slice_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, short_name: _Optional[str] = ..., total_bandwidth_hz: _Optional[int] = ..., total_power_w: _Optional[float] = ..., bandwidth_floor_hz: _Optional[int] = ..., power_floor_w: _Optional[float] = ..., period_slots: _Optional[int] = ..., control_delay_slots: _Optional[int] = ..., lockstep: bool = ..., slice_names: _Optional[_Iterable[str]] = ...) -> None: ...

class EventTriggerDefinition(_message.Message):
    __slots__ = ("period_s",)
    PERIOD_S_FIELD_NUMBER: _ClassVar[int]
    period_s: int
    def __init__(self, period_s: _Optional[int] = ...) -> None: ...

class ActionDefinition(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IndicationHeader(_message.Message):
    __slots__ = ("second", "slot")
    SECOND_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    second: int
    slot: int
    def __init__(self, second: _Optional[int] = ..., slot: _Optional[int] = ...) -> None: ...

class SliceReport(_message.Message):
    __slots__ = ("slice_id", "offered_packets", "offered_bits", "ssr", "queued_bits", "bandwidth_hz", "power_w", "eta_bps_hz")
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    OFFERED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    OFFERED_BITS_FIELD_NUMBER: _ClassVar[int]
    SSR_FIELD_NUMBER: _ClassVar[int]
    QUEUED_BITS_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    ETA_BPS_HZ_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    offered_packets: int
    offered_bits: int
    ssr: float
    queued_bits: int
    bandwidth_hz: int
    power_w: float
    eta_bps_hz: float
    def __init__(self, slice_id: _Optional[int] = ..., offered_packets: _Optional[int] = ..., offered_bits: _Optional[int] = ..., ssr: _Optional[float] = ..., queued_bits: _Optional[int] = ..., bandwidth_hz: _Optional[int] = ..., power_w: _Optional[float] = ..., eta_bps_hz: _Optional[float] = ...) -> None: ...

class IndicationMessage(_message.Message):
    __slots__ = ("slices", "eta_bps_hz", "hwi_model", "kappa_t", "kappa_r")
    SLICES_FIELD_NUMBER: _ClassVar[int]
    ETA_BPS_HZ_FIELD_NUMBER: _ClassVar[int]
    HWI_MODEL_FIELD_NUMBER: _ClassVar[int]
    KAPPA_T_FIELD_NUMBER: _ClassVar[int]
    KAPPA_R_FIELD_NUMBER: _ClassVar[int]
    slices: _containers.RepeatedCompositeFieldContainer[SliceReport]
    eta_bps_hz: float
    hwi_model: HwiModel
    kappa_t: float
    kappa_r: float
    def __init__(self, slices: _Optional[_Iterable[_Union[SliceReport, _Mapping]]] = ..., eta_bps_hz: _Optional[float] = ..., hwi_model: _Optional[_Union[HwiModel, str]] = ..., kappa_t: _Optional[float] = ..., kappa_r: _Optional[float] = ...) -> None: ...

class SliceBudget(_message.Message):
    __slots__ = ("slice_id", "bandwidth_hz", "power_w")
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    bandwidth_hz: int
    power_w: float
    def __init__(self, slice_id: _Optional[int] = ..., bandwidth_hz: _Optional[int] = ..., power_w: _Optional[float] = ...) -> None: ...

class ControlHeader(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ControlMessage(_message.Message):
    __slots__ = ("budgets",)
    BUDGETS_FIELD_NUMBER: _ClassVar[int]
    budgets: _containers.RepeatedCompositeFieldContainer[SliceBudget]
    def __init__(self, budgets: _Optional[_Iterable[_Union[SliceBudget, _Mapping]]] = ...) -> None: ...

class ControlOutcome(_message.Message):
    __slots__ = ("applied_slot", "constraint", "text")
    APPLIED_SLOT_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    applied_slot: int
    constraint: str
    text: str
    def __init__(self, applied_slot: _Optional[int] = ..., constraint: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...
