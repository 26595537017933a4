from hiso_proto import e2ap_pb2 as _e2ap_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubscriptionEnd(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOT_ENDED: _ClassVar[SubscriptionEnd]
    DELETED_BY_OPERATOR: _ClassVar[SubscriptionEnd]
    REQUIRED_BY_NODE: _ClassVar[SubscriptionEnd]
    FUNCTION_WITHDRAWN: _ClassVar[SubscriptionEnd]
NOT_ENDED: SubscriptionEnd
DELETED_BY_OPERATOR: SubscriptionEnd
REQUIRED_BY_NODE: SubscriptionEnd
FUNCTION_WITHDRAWN: SubscriptionEnd

class RegisterRequest(_message.Message):
    __slots__ = ("xapp_name", "version", "ran_function_oids", "slice_ids", "metrics_url")
    XAPP_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_OIDS_FIELD_NUMBER: _ClassVar[int]
    SLICE_IDS_FIELD_NUMBER: _ClassVar[int]
    METRICS_URL_FIELD_NUMBER: _ClassVar[int]
    xapp_name: str
    version: str
    ran_function_oids: _containers.RepeatedScalarFieldContainer[str]
    slice_ids: _containers.RepeatedScalarFieldContainer[int]
    metrics_url: str
    def __init__(self, xapp_name: _Optional[str] = ..., version: _Optional[str] = ..., ran_function_oids: _Optional[_Iterable[str]] = ..., slice_ids: _Optional[_Iterable[int]] = ..., metrics_url: _Optional[str] = ...) -> None: ...

class RegisterResponse(_message.Message):
    __slots__ = ("ric_requestor_id", "down_endpoint", "nodes", "error")
    RIC_REQUESTOR_ID_FIELD_NUMBER: _ClassVar[int]
    DOWN_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ric_requestor_id: int
    down_endpoint: str
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    error: str
    def __init__(self, ric_requestor_id: _Optional[int] = ..., down_endpoint: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., error: _Optional[str] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("node_id", "connected", "ran_functions", "up_endpoint")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    UP_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    connected: bool
    ran_functions: _containers.RepeatedCompositeFieldContainer[_e2ap_pb2.RanFunctionItem]
    up_endpoint: str
    def __init__(self, node_id: _Optional[str] = ..., connected: bool = ..., ran_functions: _Optional[_Iterable[_Union[_e2ap_pb2.RanFunctionItem, _Mapping]]] = ..., up_endpoint: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("xapp_name", "lost_indications")
    XAPP_NAME_FIELD_NUMBER: _ClassVar[int]
    LOST_INDICATIONS_FIELD_NUMBER: _ClassVar[int]
    xapp_name: str
    lost_indications: int
    def __init__(self, xapp_name: _Optional[str] = ..., lost_indications: _Optional[int] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("xapp_name", "node_id", "ran_function_id", "ric_event_trigger_definition", "actions", "key")
    XAPP_NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_EVENT_TRIGGER_DEFINITION_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    xapp_name: str
    node_id: str
    ran_function_id: int
    ric_event_trigger_definition: bytes
    actions: _containers.RepeatedCompositeFieldContainer[_e2ap_pb2.RicAction]
    key: str
    def __init__(self, xapp_name: _Optional[str] = ..., node_id: _Optional[str] = ..., ran_function_id: _Optional[int] = ..., ric_event_trigger_definition: _Optional[bytes] = ..., actions: _Optional[_Iterable[_Union[_e2ap_pb2.RicAction, _Mapping]]] = ..., key: _Optional[str] = ...) -> None: ...

class SubscribeResponse(_message.Message):
    __slots__ = ("key", "ric_request_id", "response", "failure", "error", "cause", "end")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    key: str
    ric_request_id: _e2ap_pb2.RicRequestId
    response: _e2ap_pb2.RicSubscriptionResponse
    failure: _e2ap_pb2.RicSubscriptionFailure
    error: str
    cause: _e2ap_pb2.Cause
    end: SubscriptionEnd
    def __init__(self, key: _Optional[str] = ..., ric_request_id: _Optional[_Union[_e2ap_pb2.RicRequestId, _Mapping]] = ..., response: _Optional[_Union[_e2ap_pb2.RicSubscriptionResponse, _Mapping]] = ..., failure: _Optional[_Union[_e2ap_pb2.RicSubscriptionFailure, _Mapping]] = ..., error: _Optional[str] = ..., cause: _Optional[_Union[_e2ap_pb2.Cause, _Mapping]] = ..., end: _Optional[_Union[SubscriptionEnd, str]] = ...) -> None: ...

class UnsubscribeRequest(_message.Message):
    __slots__ = ("xapp_name", "ric_request_id")
    XAPP_NAME_FIELD_NUMBER: _ClassVar[int]
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    xapp_name: str
    ric_request_id: _e2ap_pb2.RicRequestId
    def __init__(self, xapp_name: _Optional[str] = ..., ric_request_id: _Optional[_Union[_e2ap_pb2.RicRequestId, _Mapping]] = ...) -> None: ...

class UnsubscribeResponse(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: str
    def __init__(self, error: _Optional[str] = ...) -> None: ...

class ManagementMessage(_message.Message):
    __slots__ = ("sequence", "register_request", "register_response", "heartbeat", "heartbeat_response", "subscribe_request", "subscribe_response", "unsubscribe_request", "unsubscribe_response", "platform_state_request", "platform_state_response", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REGISTER_REQUEST_FIELD_NUMBER: _ClassVar[int]
    REGISTER_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_STATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_STATE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    register_request: RegisterRequest
    register_response: RegisterResponse
    heartbeat: Heartbeat
    heartbeat_response: Heartbeat
    subscribe_request: SubscribeRequest
    subscribe_response: SubscribeResponse
    unsubscribe_request: UnsubscribeRequest
    unsubscribe_response: UnsubscribeResponse
    platform_state_request: PlatformStateRequest
    platform_state_response: PlatformStateResponse
    error: str
    def __init__(self, sequence: _Optional[int] = ..., register_request: _Optional[_Union[RegisterRequest, _Mapping]] = ..., register_response: _Optional[_Union[RegisterResponse, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., heartbeat_response: _Optional[_Union[Heartbeat, _Mapping]] = ..., subscribe_request: _Optional[_Union[SubscribeRequest, _Mapping]] = ..., subscribe_response: _Optional[_Union[SubscribeResponse, _Mapping]] = ..., unsubscribe_request: _Optional[_Union[UnsubscribeRequest, _Mapping]] = ..., unsubscribe_response: _Optional[_Union[UnsubscribeResponse, _Mapping]] = ..., platform_state_request: _Optional[_Union[PlatformStateRequest, _Mapping]] = ..., platform_state_response: _Optional[_Union[PlatformStateResponse, _Mapping]] = ..., error: _Optional[str] = ...) -> None: ...

class PlatformStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PlatformStateResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...

class DownMessage(_message.Message):
    __slots__ = ("node_id", "indication", "control_acknowledge", "control_failure", "node_up", "node_down", "subscription_restored", "node_changed")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    INDICATION_FIELD_NUMBER: _ClassVar[int]
    CONTROL_ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FAILURE_FIELD_NUMBER: _ClassVar[int]
    NODE_UP_FIELD_NUMBER: _ClassVar[int]
    NODE_DOWN_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTION_RESTORED_FIELD_NUMBER: _ClassVar[int]
    NODE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    indication: _e2ap_pb2.RicIndication
    control_acknowledge: _e2ap_pb2.RicControlAcknowledge
    control_failure: _e2ap_pb2.RicControlFailure
    node_up: Node
    node_down: str
    subscription_restored: SubscribeResponse
    node_changed: Node
    def __init__(self, node_id: _Optional[str] = ..., indication: _Optional[_Union[_e2ap_pb2.RicIndication, _Mapping]] = ..., control_acknowledge: _Optional[_Union[_e2ap_pb2.RicControlAcknowledge, _Mapping]] = ..., control_failure: _Optional[_Union[_e2ap_pb2.RicControlFailure, _Mapping]] = ..., node_up: _Optional[_Union[Node, _Mapping]] = ..., node_down: _Optional[str] = ..., subscription_restored: _Optional[_Union[SubscribeResponse, _Mapping]] = ..., node_changed: _Optional[_Union[Node, _Mapping]] = ...) -> None: ...

class UpMessage(_message.Message):
    __slots__ = ("xapp_name", "control_request", "node_id")
    XAPP_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTROL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    xapp_name: str
    control_request: _e2ap_pb2.RicControlRequest
    node_id: str
    def __init__(self, xapp_name: _Optional[str] = ..., control_request: _Optional[_Union[_e2ap_pb2.RicControlRequest, _Mapping]] = ..., node_id: _Optional[str] = ...) -> None: ...
