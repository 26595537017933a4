from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SNssai(_message.Message):
    __slots__ = ("sst", "sd")
    SST_FIELD_NUMBER: _ClassVar[int]
    SD_FIELD_NUMBER: _ClassVar[int]
    sst: int
    sd: int
    def __init__(self, sst: _Optional[int] = ..., sd: _Optional[int] = ...) -> None: ...

class MeasurementLabel(_message.Message):
    __slots__ = ("no_label", "slice_id")
    NO_LABEL_FIELD_NUMBER: _ClassVar[int]
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    no_label: bool
    slice_id: SNssai
    def __init__(self, no_label: bool = ..., slice_id: _Optional[_Union[SNssai, _Mapping]] = ...) -> None: ...

class MeasurementInfoItem(_message.Message):
    __slots__ = ("meas_name", "label_info_list")
    MEAS_NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_INFO_LIST_FIELD_NUMBER: _ClassVar[int]
    meas_name: str
    label_info_list: _containers.RepeatedCompositeFieldContainer[MeasurementLabel]
    def __init__(self, meas_name: _Optional[str] = ..., label_info_list: _Optional[_Iterable[_Union[MeasurementLabel, _Mapping]]] = ...) -> None: ...

class MeasurementDescription(_message.Message):
    __slots__ = ("meas_name", "unit", "per_slice", "per_cell", "meaning")
    MEAS_NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PER_SLICE_FIELD_NUMBER: _ClassVar[int]
    PER_CELL_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    meas_name: str
    unit: str
    per_slice: bool
    per_cell: bool
    meaning: str
    def __init__(self, meas_name: _Optional[str] = ..., unit: _Optional[str] = ..., per_slice: bool = ..., per_cell: bool = ..., meaning: _Optional[str] = ...) -> None: ...

class RanFunctionDefinition(_message.Message):
    __slots__ = ("short_name", "ric_report_style_list", "measurements", "slices")
    SHORT_NAME_FIELD_NUMBER: _ClassVar[int]
    RIC_REPORT_STYLE_LIST_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENTS_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    short_name: str
    ric_report_style_list: _containers.RepeatedScalarFieldContainer[int]
    measurements: _containers.RepeatedCompositeFieldContainer[MeasurementDescription]
    slices: _containers.RepeatedCompositeFieldContainer[SliceItem]
    def __init__(self, short_name: _Optional[str] = ..., ric_report_style_list: _Optional[_Iterable[int]] = ..., measurements: _Optional[_Iterable[_Union[MeasurementDescription, _Mapping]]] = ..., slices: _Optional[_Iterable[_Union[SliceItem, _Mapping]]] = ...) -> None: ...

class SliceItem(_message.Message):
    __slots__ = ("slice_id", "name", "s_nssai", "five_qi")
    SLICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    S_NSSAI_FIELD_NUMBER: _ClassVar[int]
    FIVE_QI_FIELD_NUMBER: _ClassVar[int]
    slice_id: int
    name: str
    s_nssai: SNssai
    five_qi: int
    def __init__(self, slice_id: _Optional[int] = ..., name: _Optional[str] = ..., s_nssai: _Optional[_Union[SNssai, _Mapping]] = ..., five_qi: _Optional[int] = ...) -> None: ...

class EventTriggerDefinition(_message.Message):
    __slots__ = ("reporting_period_ms",)
    REPORTING_PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    reporting_period_ms: int
    def __init__(self, reporting_period_ms: _Optional[int] = ...) -> None: ...

class ActionDefinition(_message.Message):
    __slots__ = ("ric_style_type", "meas_info_list", "granul_period_ms")
    RIC_STYLE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MEAS_INFO_LIST_FIELD_NUMBER: _ClassVar[int]
    GRANUL_PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    ric_style_type: int
    meas_info_list: _containers.RepeatedCompositeFieldContainer[MeasurementInfoItem]
    granul_period_ms: int
    def __init__(self, ric_style_type: _Optional[int] = ..., meas_info_list: _Optional[_Iterable[_Union[MeasurementInfoItem, _Mapping]]] = ..., granul_period_ms: _Optional[int] = ...) -> None: ...

class IndicationHeader(_message.Message):
    __slots__ = ("collet_start_time_ns", "sender_name")
    COLLET_START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SENDER_NAME_FIELD_NUMBER: _ClassVar[int]
    collet_start_time_ns: int
    sender_name: str
    def __init__(self, collet_start_time_ns: _Optional[int] = ..., sender_name: _Optional[str] = ...) -> None: ...

class MeasurementRecordItem(_message.Message):
    __slots__ = ("integer", "real", "no_value")
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    REAL_FIELD_NUMBER: _ClassVar[int]
    NO_VALUE_FIELD_NUMBER: _ClassVar[int]
    integer: int
    real: float
    no_value: bool
    def __init__(self, integer: _Optional[int] = ..., real: _Optional[float] = ..., no_value: bool = ...) -> None: ...

class MeasurementDataItem(_message.Message):
    __slots__ = ("meas_record", "incomplete")
    MEAS_RECORD_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    meas_record: _containers.RepeatedCompositeFieldContainer[MeasurementRecordItem]
    incomplete: bool
    def __init__(self, meas_record: _Optional[_Iterable[_Union[MeasurementRecordItem, _Mapping]]] = ..., incomplete: bool = ...) -> None: ...

class IndicationMessage(_message.Message):
    __slots__ = ("meas_data", "meas_info_list", "granul_period_ms")
    MEAS_DATA_FIELD_NUMBER: _ClassVar[int]
    MEAS_INFO_LIST_FIELD_NUMBER: _ClassVar[int]
    GRANUL_PERIOD_MS_FIELD_NUMBER: _ClassVar[int]
    meas_data: _containers.RepeatedCompositeFieldContainer[MeasurementDataItem]
    meas_info_list: _containers.RepeatedCompositeFieldContainer[MeasurementInfoItem]
    granul_period_ms: int
    def __init__(self, meas_data: _Optional[_Iterable[_Union[MeasurementDataItem, _Mapping]]] = ..., meas_info_list: _Optional[_Iterable[_Union[MeasurementInfoItem, _Mapping]]] = ..., granul_period_ms: _Optional[int] = ...) -> None: ...
