from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CauseRicRequest(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RIC_REQUEST_RAN_FUNCTION_ID_INVALID: _ClassVar[CauseRicRequest]
    RIC_REQUEST_ACTION_NOT_SUPPORTED: _ClassVar[CauseRicRequest]
    RIC_REQUEST_EXCESSIVE_ACTIONS: _ClassVar[CauseRicRequest]
    RIC_REQUEST_DUPLICATE_ACTION: _ClassVar[CauseRicRequest]
    RIC_REQUEST_DUPLICATE_EVENT_TRIGGER: _ClassVar[CauseRicRequest]
    RIC_REQUEST_FUNCTION_RESOURCE_LIMIT: _ClassVar[CauseRicRequest]
    RIC_REQUEST_REQUEST_ID_UNKNOWN: _ClassVar[CauseRicRequest]
    RIC_REQUEST_INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE: _ClassVar[CauseRicRequest]
    RIC_REQUEST_CONTROL_MESSAGE_INVALID: _ClassVar[CauseRicRequest]
    RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID: _ClassVar[CauseRicRequest]
    RIC_REQUEST_CONTROL_TIMER_EXPIRED: _ClassVar[CauseRicRequest]
    RIC_REQUEST_CONTROL_FAILED_TO_EXECUTE: _ClassVar[CauseRicRequest]
    RIC_REQUEST_SYSTEM_NOT_READY: _ClassVar[CauseRicRequest]
    RIC_REQUEST_UNSPECIFIED: _ClassVar[CauseRicRequest]
    RIC_REQUEST_RIC_SUBSCRIPTION_END_TIME_EXPIRED: _ClassVar[CauseRicRequest]
    RIC_REQUEST_RIC_SUBSCRIPTION_END_TIME_INVALID: _ClassVar[CauseRicRequest]
    RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID: _ClassVar[CauseRicRequest]
    RIC_REQUEST_EVENT_TRIGGER_NOT_SUPPORTED: _ClassVar[CauseRicRequest]
    RIC_REQUEST_REQUESTED_INFORMATION_UNAVAILABLE: _ClassVar[CauseRicRequest]
    RIC_REQUEST_INVALID_INFORMATION_REQUEST: _ClassVar[CauseRicRequest]

class CauseRicService(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED: _ClassVar[CauseRicService]
    RIC_SERVICE_EXCESSIVE_FUNCTIONS: _ClassVar[CauseRicService]
    RIC_SERVICE_RIC_RESOURCE_LIMIT: _ClassVar[CauseRicService]

class CauseE2Node(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    E2_NODE_E2NODE_COMPONENT_UNKNOWN: _ClassVar[CauseE2Node]

class CauseTransport(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSPORT_UNSPECIFIED: _ClassVar[CauseTransport]
    TRANSPORT_TRANSPORT_RESOURCE_UNAVAILABLE: _ClassVar[CauseTransport]

class CauseProtocol(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROTOCOL_TRANSFER_SYNTAX_ERROR: _ClassVar[CauseProtocol]
    PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT: _ClassVar[CauseProtocol]
    PROTOCOL_ABSTRACT_SYNTAX_ERROR_IGNORE_AND_NOTIFY: _ClassVar[CauseProtocol]
    PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE: _ClassVar[CauseProtocol]
    PROTOCOL_SEMANTIC_ERROR: _ClassVar[CauseProtocol]
    PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE: _ClassVar[CauseProtocol]
    PROTOCOL_UNSPECIFIED: _ClassVar[CauseProtocol]

class CauseMisc(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MISC_CONTROL_PROCESSING_OVERLOAD: _ClassVar[CauseMisc]
    MISC_HARDWARE_FAILURE: _ClassVar[CauseMisc]
    MISC_OM_INTERVENTION: _ClassVar[CauseMisc]
    MISC_UNSPECIFIED: _ClassVar[CauseMisc]

class Criticality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REJECT: _ClassVar[Criticality]
    IGNORE: _ClassVar[Criticality]
    NOTIFY: _ClassVar[Criticality]

class InterfaceType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NG: _ClassVar[InterfaceType]
    XN: _ClassVar[InterfaceType]
    E1: _ClassVar[InterfaceType]
    F1: _ClassVar[InterfaceType]
    W1: _ClassVar[InterfaceType]
    S1: _ClassVar[InterfaceType]
    X2: _ClassVar[InterfaceType]

class UpdateOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUCCESS: _ClassVar[UpdateOutcome]
    FAILURE: _ClassVar[UpdateOutcome]

class RicActionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORT: _ClassVar[RicActionType]
    INSERT: _ClassVar[RicActionType]
    POLICY: _ClassVar[RicActionType]

class RicSubsequentActionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTINUE: _ClassVar[RicSubsequentActionType]
    WAIT: _ClassVar[RicSubsequentActionType]

class RicTimeToWait(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    W1MS: _ClassVar[RicTimeToWait]
    W2MS: _ClassVar[RicTimeToWait]
    W5MS: _ClassVar[RicTimeToWait]
    W10MS: _ClassVar[RicTimeToWait]
    W20MS: _ClassVar[RicTimeToWait]
    W30MS: _ClassVar[RicTimeToWait]
    W40MS: _ClassVar[RicTimeToWait]
    W50MS: _ClassVar[RicTimeToWait]
    W100MS: _ClassVar[RicTimeToWait]
    W200MS: _ClassVar[RicTimeToWait]
    W500MS: _ClassVar[RicTimeToWait]
    W1S: _ClassVar[RicTimeToWait]
    W2S: _ClassVar[RicTimeToWait]
    W5S: _ClassVar[RicTimeToWait]
    W10S: _ClassVar[RicTimeToWait]
    W20S: _ClassVar[RicTimeToWait]
    W60S: _ClassVar[RicTimeToWait]

class RicControlAckRequest(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACK: _ClassVar[RicControlAckRequest]
    NO_ACK: _ClassVar[RicControlAckRequest]
RIC_REQUEST_RAN_FUNCTION_ID_INVALID: CauseRicRequest
RIC_REQUEST_ACTION_NOT_SUPPORTED: CauseRicRequest
RIC_REQUEST_EXCESSIVE_ACTIONS: CauseRicRequest
RIC_REQUEST_DUPLICATE_ACTION: CauseRicRequest
RIC_REQUEST_DUPLICATE_EVENT_TRIGGER: CauseRicRequest
RIC_REQUEST_FUNCTION_RESOURCE_LIMIT: CauseRicRequest
RIC_REQUEST_REQUEST_ID_UNKNOWN: CauseRicRequest
RIC_REQUEST_INCONSISTENT_ACTION_SUBSEQUENT_ACTION_SEQUENCE: CauseRicRequest
RIC_REQUEST_CONTROL_MESSAGE_INVALID: CauseRicRequest
RIC_REQUEST_RIC_CALL_PROCESS_ID_INVALID: CauseRicRequest
RIC_REQUEST_CONTROL_TIMER_EXPIRED: CauseRicRequest
RIC_REQUEST_CONTROL_FAILED_TO_EXECUTE: CauseRicRequest
RIC_REQUEST_SYSTEM_NOT_READY: CauseRicRequest
RIC_REQUEST_UNSPECIFIED: CauseRicRequest
RIC_REQUEST_RIC_SUBSCRIPTION_END_TIME_EXPIRED: CauseRicRequest
RIC_REQUEST_RIC_SUBSCRIPTION_END_TIME_INVALID: CauseRicRequest
RIC_REQUEST_DUPLICATE_RIC_REQUEST_ID: CauseRicRequest
RIC_REQUEST_EVENT_TRIGGER_NOT_SUPPORTED: CauseRicRequest
RIC_REQUEST_REQUESTED_INFORMATION_UNAVAILABLE: CauseRicRequest
RIC_REQUEST_INVALID_INFORMATION_REQUEST: CauseRicRequest
RIC_SERVICE_RAN_FUNCTION_NOT_SUPPORTED: CauseRicService
RIC_SERVICE_EXCESSIVE_FUNCTIONS: CauseRicService
RIC_SERVICE_RIC_RESOURCE_LIMIT: CauseRicService
E2_NODE_E2NODE_COMPONENT_UNKNOWN: CauseE2Node
TRANSPORT_UNSPECIFIED: CauseTransport
TRANSPORT_TRANSPORT_RESOURCE_UNAVAILABLE: CauseTransport
PROTOCOL_TRANSFER_SYNTAX_ERROR: CauseProtocol
PROTOCOL_ABSTRACT_SYNTAX_ERROR_REJECT: CauseProtocol
PROTOCOL_ABSTRACT_SYNTAX_ERROR_IGNORE_AND_NOTIFY: CauseProtocol
PROTOCOL_MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE: CauseProtocol
PROTOCOL_SEMANTIC_ERROR: CauseProtocol
PROTOCOL_ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE: CauseProtocol
PROTOCOL_UNSPECIFIED: CauseProtocol
MISC_CONTROL_PROCESSING_OVERLOAD: CauseMisc
MISC_HARDWARE_FAILURE: CauseMisc
MISC_OM_INTERVENTION: CauseMisc
MISC_UNSPECIFIED: CauseMisc
REJECT: Criticality
IGNORE: Criticality
NOTIFY: Criticality
NG: InterfaceType
XN: InterfaceType
E1: InterfaceType
F1: InterfaceType
W1: InterfaceType
S1: InterfaceType
X2: InterfaceType
SUCCESS: UpdateOutcome
FAILURE: UpdateOutcome
REPORT: RicActionType
INSERT: RicActionType
POLICY: RicActionType
CONTINUE: RicSubsequentActionType
WAIT: RicSubsequentActionType
W1MS: RicTimeToWait
W2MS: RicTimeToWait
W5MS: RicTimeToWait
W10MS: RicTimeToWait
W20MS: RicTimeToWait
W30MS: RicTimeToWait
W40MS: RicTimeToWait
W50MS: RicTimeToWait
W100MS: RicTimeToWait
W200MS: RicTimeToWait
W500MS: RicTimeToWait
W1S: RicTimeToWait
W2S: RicTimeToWait
W5S: RicTimeToWait
W10S: RicTimeToWait
W20S: RicTimeToWait
W60S: RicTimeToWait
ACK: RicControlAckRequest
NO_ACK: RicControlAckRequest

class E2Frame(_message.Message):
    __slots__ = ("pdus",)
    PDUS_FIELD_NUMBER: _ClassVar[int]
    pdus: _containers.RepeatedCompositeFieldContainer[E2apPdu]
    def __init__(self, pdus: _Optional[_Iterable[_Union[E2apPdu, _Mapping]]] = ...) -> None: ...

class E2apPdu(_message.Message):
    __slots__ = ("e2_setup_request", "e2_setup_response", "e2_setup_failure", "ric_subscription_request", "ric_subscription_response", "ric_subscription_failure", "ric_subscription_delete_request", "ric_subscription_delete_response", "ric_subscription_delete_failure", "ric_indication", "ric_control_request", "ric_control_acknowledge", "ric_control_failure", "error_indication", "reset_request", "reset_response", "ric_subscription_delete_required", "ric_service_update", "ric_service_update_acknowledge", "ric_service_update_failure", "ric_service_query", "e2_node_configuration_update", "e2_node_configuration_update_acknowledge", "e2_node_configuration_update_failure", "e2_removal_request", "e2_removal_response", "e2_removal_failure")
    E2_SETUP_REQUEST_FIELD_NUMBER: _ClassVar[int]
    E2_SETUP_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    E2_SETUP_FAILURE_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_FAILURE_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_DELETE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_DELETE_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_DELETE_FAILURE_FIELD_NUMBER: _ClassVar[int]
    RIC_INDICATION_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_FAILURE_FIELD_NUMBER: _ClassVar[int]
    ERROR_INDICATION_FIELD_NUMBER: _ClassVar[int]
    RESET_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESET_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSCRIPTION_DELETE_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    RIC_SERVICE_UPDATE_FIELD_NUMBER: _ClassVar[int]
    RIC_SERVICE_UPDATE_ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    RIC_SERVICE_UPDATE_FAILURE_FIELD_NUMBER: _ClassVar[int]
    RIC_SERVICE_QUERY_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_CONFIGURATION_UPDATE_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_CONFIGURATION_UPDATE_ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_CONFIGURATION_UPDATE_FAILURE_FIELD_NUMBER: _ClassVar[int]
    E2_REMOVAL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    E2_REMOVAL_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    E2_REMOVAL_FAILURE_FIELD_NUMBER: _ClassVar[int]
    e2_setup_request: E2SetupRequest
    e2_setup_response: E2SetupResponse
    e2_setup_failure: E2SetupFailure
    ric_subscription_request: RicSubscriptionRequest
    ric_subscription_response: RicSubscriptionResponse
    ric_subscription_failure: RicSubscriptionFailure
    ric_subscription_delete_request: RicSubscriptionDeleteRequest
    ric_subscription_delete_response: RicSubscriptionDeleteResponse
    ric_subscription_delete_failure: RicSubscriptionDeleteFailure
    ric_indication: RicIndication
    ric_control_request: RicControlRequest
    ric_control_acknowledge: RicControlAcknowledge
    ric_control_failure: RicControlFailure
    error_indication: ErrorIndication
    reset_request: ResetRequest
    reset_response: ResetResponse
    ric_subscription_delete_required: RicSubscriptionDeleteRequired
    ric_service_update: RicServiceUpdate
    ric_service_update_acknowledge: RicServiceUpdateAcknowledge
    ric_service_update_failure: RicServiceUpdateFailure
    ric_service_query: RicServiceQuery
    e2_node_configuration_update: E2NodeConfigurationUpdate
    e2_node_configuration_update_acknowledge: E2NodeConfigurationUpdateAcknowledge
    e2_node_configuration_update_failure: E2NodeConfigurationUpdateFailure
    e2_removal_request: E2RemovalRequest
    e2_removal_response: E2RemovalResponse
    e2_removal_failure: E2RemovalFailure
    def __init__(self, e2_setup_request: _Optional[_Union[E2SetupRequest, _Mapping]] = ..., e2_setup_response: _Optional[_Union[E2SetupResponse, _Mapping]] = ..., e2_setup_failure: _Optional[_Union[E2SetupFailure, _Mapping]] = ..., ric_subscription_request: _Optional[_Union[RicSubscriptionRequest, _Mapping]] = ..., ric_subscription_response: _Optional[_Union[RicSubscriptionResponse, _Mapping]] = ..., ric_subscription_failure: _Optional[_Union[RicSubscriptionFailure, _Mapping]] = ..., ric_subscription_delete_request: _Optional[_Union[RicSubscriptionDeleteRequest, _Mapping]] = ..., ric_subscription_delete_response: _Optional[_Union[RicSubscriptionDeleteResponse, _Mapping]] = ..., ric_subscription_delete_failure: _Optional[_Union[RicSubscriptionDeleteFailure, _Mapping]] = ..., ric_indication: _Optional[_Union[RicIndication, _Mapping]] = ..., ric_control_request: _Optional[_Union[RicControlRequest, _Mapping]] = ..., ric_control_acknowledge: _Optional[_Union[RicControlAcknowledge, _Mapping]] = ..., ric_control_failure: _Optional[_Union[RicControlFailure, _Mapping]] = ..., error_indication: _Optional[_Union[ErrorIndication, _Mapping]] = ..., reset_request: _Optional[_Union[ResetRequest, _Mapping]] = ..., reset_response: _Optional[_Union[ResetResponse, _Mapping]] = ..., ric_subscription_delete_required: _Optional[_Union[RicSubscriptionDeleteRequired, _Mapping]] = ..., ric_service_update: _Optional[_Union[RicServiceUpdate, _Mapping]] = ..., ric_service_update_acknowledge: _Optional[_Union[RicServiceUpdateAcknowledge, _Mapping]] = ..., ric_service_update_failure: _Optional[_Union[RicServiceUpdateFailure, _Mapping]] = ..., ric_service_query: _Optional[_Union[RicServiceQuery, _Mapping]] = ..., e2_node_configuration_update: _Optional[_Union[E2NodeConfigurationUpdate, _Mapping]] = ..., e2_node_configuration_update_acknowledge: _Optional[_Union[E2NodeConfigurationUpdateAcknowledge, _Mapping]] = ..., e2_node_configuration_update_failure: _Optional[_Union[E2NodeConfigurationUpdateFailure, _Mapping]] = ..., e2_removal_request: _Optional[_Union[E2RemovalRequest, _Mapping]] = ..., e2_removal_response: _Optional[_Union[E2RemovalResponse, _Mapping]] = ..., e2_removal_failure: _Optional[_Union[E2RemovalFailure, _Mapping]] = ...) -> None: ...

class Cause(_message.Message):
    __slots__ = ("ric_request", "ric_service", "e2_node", "transport", "protocol", "misc")
    RIC_REQUEST_FIELD_NUMBER: _ClassVar[int]
    RIC_SERVICE_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    MISC_FIELD_NUMBER: _ClassVar[int]
    ric_request: CauseRicRequest
    ric_service: CauseRicService
    e2_node: CauseE2Node
    transport: CauseTransport
    protocol: CauseProtocol
    misc: CauseMisc
    def __init__(self, ric_request: _Optional[_Union[CauseRicRequest, str]] = ..., ric_service: _Optional[_Union[CauseRicService, str]] = ..., e2_node: _Optional[_Union[CauseE2Node, str]] = ..., transport: _Optional[_Union[CauseTransport, str]] = ..., protocol: _Optional[_Union[CauseProtocol, str]] = ..., misc: _Optional[_Union[CauseMisc, str]] = ...) -> None: ...

class CriticalityDiagnostics(_message.Message):
    __slots__ = ("procedure_code", "procedure_criticality", "ric_requestor_id", "text")
    PROCEDURE_CODE_FIELD_NUMBER: _ClassVar[int]
    PROCEDURE_CRITICALITY_FIELD_NUMBER: _ClassVar[int]
    RIC_REQUESTOR_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    procedure_code: int
    procedure_criticality: Criticality
    ric_requestor_id: RicRequestId
    text: str
    def __init__(self, procedure_code: _Optional[int] = ..., procedure_criticality: _Optional[_Union[Criticality, str]] = ..., ric_requestor_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., text: _Optional[str] = ...) -> None: ...

class GlobalE2NodeId(_message.Message):
    __slots__ = ("plmn_id", "gnb_id")
    PLMN_ID_FIELD_NUMBER: _ClassVar[int]
    GNB_ID_FIELD_NUMBER: _ClassVar[int]
    plmn_id: str
    gnb_id: int
    def __init__(self, plmn_id: _Optional[str] = ..., gnb_id: _Optional[int] = ...) -> None: ...

class RanFunctionItem(_message.Message):
    __slots__ = ("ran_function_id", "ran_function_definition", "ran_function_revision", "ran_function_oid")
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_DEFINITION_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_REVISION_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_OID_FIELD_NUMBER: _ClassVar[int]
    ran_function_id: int
    ran_function_definition: bytes
    ran_function_revision: int
    ran_function_oid: str
    def __init__(self, ran_function_id: _Optional[int] = ..., ran_function_definition: _Optional[bytes] = ..., ran_function_revision: _Optional[int] = ..., ran_function_oid: _Optional[str] = ...) -> None: ...

class E2NodeComponentConfigItem(_message.Message):
    __slots__ = ("interface_type", "component_id", "request_part", "response_part")
    INTERFACE_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_PART_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_PART_FIELD_NUMBER: _ClassVar[int]
    interface_type: InterfaceType
    component_id: str
    request_part: bytes
    response_part: bytes
    def __init__(self, interface_type: _Optional[_Union[InterfaceType, str]] = ..., component_id: _Optional[str] = ..., request_part: _Optional[bytes] = ..., response_part: _Optional[bytes] = ...) -> None: ...

class E2SetupRequest(_message.Message):
    __slots__ = ("transaction_id", "global_e2_node_id", "ran_functions_added", "e2_node_component_config_addition")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_E2_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_ADDED_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_ADDITION_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    global_e2_node_id: GlobalE2NodeId
    ran_functions_added: _containers.RepeatedCompositeFieldContainer[RanFunctionItem]
    e2_node_component_config_addition: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigItem]
    def __init__(self, transaction_id: _Optional[int] = ..., global_e2_node_id: _Optional[_Union[GlobalE2NodeId, _Mapping]] = ..., ran_functions_added: _Optional[_Iterable[_Union[RanFunctionItem, _Mapping]]] = ..., e2_node_component_config_addition: _Optional[_Iterable[_Union[E2NodeComponentConfigItem, _Mapping]]] = ...) -> None: ...

class RanFunctionIdItem(_message.Message):
    __slots__ = ("ran_function_id", "ran_function_revision")
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_REVISION_FIELD_NUMBER: _ClassVar[int]
    ran_function_id: int
    ran_function_revision: int
    def __init__(self, ran_function_id: _Optional[int] = ..., ran_function_revision: _Optional[int] = ...) -> None: ...

class RanFunctionIdCauseItem(_message.Message):
    __slots__ = ("ran_function_id", "cause")
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ran_function_id: int
    cause: Cause
    def __init__(self, ran_function_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ...) -> None: ...

class E2NodeComponentConfigAckItem(_message.Message):
    __slots__ = ("interface_type", "component_id", "update_outcome", "failure_cause")
    INTERFACE_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATE_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_CAUSE_FIELD_NUMBER: _ClassVar[int]
    interface_type: InterfaceType
    component_id: str
    update_outcome: UpdateOutcome
    failure_cause: Cause
    def __init__(self, interface_type: _Optional[_Union[InterfaceType, str]] = ..., component_id: _Optional[str] = ..., update_outcome: _Optional[_Union[UpdateOutcome, str]] = ..., failure_cause: _Optional[_Union[Cause, _Mapping]] = ...) -> None: ...

class E2SetupResponse(_message.Message):
    __slots__ = ("transaction_id", "global_ric_id", "ran_functions_accepted", "ran_functions_rejected", "e2_node_component_config_addition_ack")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_RIC_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_ADDITION_ACK_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    global_ric_id: str
    ran_functions_accepted: _containers.RepeatedCompositeFieldContainer[RanFunctionIdItem]
    ran_functions_rejected: _containers.RepeatedCompositeFieldContainer[RanFunctionIdCauseItem]
    e2_node_component_config_addition_ack: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigAckItem]
    def __init__(self, transaction_id: _Optional[int] = ..., global_ric_id: _Optional[str] = ..., ran_functions_accepted: _Optional[_Iterable[_Union[RanFunctionIdItem, _Mapping]]] = ..., ran_functions_rejected: _Optional[_Iterable[_Union[RanFunctionIdCauseItem, _Mapping]]] = ..., e2_node_component_config_addition_ack: _Optional[_Iterable[_Union[E2NodeComponentConfigAckItem, _Mapping]]] = ...) -> None: ...

class E2SetupFailure(_message.Message):
    __slots__ = ("transaction_id", "cause", "time_to_wait_s", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    cause: Cause
    time_to_wait_s: int
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., time_to_wait_s: _Optional[int] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class RicRequestId(_message.Message):
    __slots__ = ("ric_requestor_id", "ric_instance_id")
    RIC_REQUESTOR_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ric_requestor_id: int
    ric_instance_id: int
    def __init__(self, ric_requestor_id: _Optional[int] = ..., ric_instance_id: _Optional[int] = ...) -> None: ...

class RicSubsequentAction(_message.Message):
    __slots__ = ("type", "standard", "vendor_us", "until_decided_slot", "no_limit")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STANDARD_FIELD_NUMBER: _ClassVar[int]
    VENDOR_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_DECIDED_SLOT_FIELD_NUMBER: _ClassVar[int]
    NO_LIMIT_FIELD_NUMBER: _ClassVar[int]
    type: RicSubsequentActionType
    standard: RicTimeToWait
    vendor_us: int
    until_decided_slot: bool
    no_limit: bool
    def __init__(self, type: _Optional[_Union[RicSubsequentActionType, str]] = ..., standard: _Optional[_Union[RicTimeToWait, str]] = ..., vendor_us: _Optional[int] = ..., until_decided_slot: bool = ..., no_limit: bool = ...) -> None: ...

class RicAction(_message.Message):
    __slots__ = ("ric_action_id", "ric_action_type", "ric_action_definition", "ric_subsequent_action")
    RIC_ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTION_DEFINITION_FIELD_NUMBER: _ClassVar[int]
    RIC_SUBSEQUENT_ACTION_FIELD_NUMBER: _ClassVar[int]
    ric_action_id: int
    ric_action_type: RicActionType
    ric_action_definition: bytes
    ric_subsequent_action: RicSubsequentAction
    def __init__(self, ric_action_id: _Optional[int] = ..., ric_action_type: _Optional[_Union[RicActionType, str]] = ..., ric_action_definition: _Optional[bytes] = ..., ric_subsequent_action: _Optional[_Union[RicSubsequentAction, _Mapping]] = ...) -> None: ...

class RicSubscriptionRequest(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_event_trigger_definition", "ric_action_to_be_setup_list")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_EVENT_TRIGGER_DEFINITION_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTION_TO_BE_SETUP_LIST_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_event_trigger_definition: bytes
    ric_action_to_be_setup_list: _containers.RepeatedCompositeFieldContainer[RicAction]
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_event_trigger_definition: _Optional[bytes] = ..., ric_action_to_be_setup_list: _Optional[_Iterable[_Union[RicAction, _Mapping]]] = ...) -> None: ...

class RicActionNotAdmitted(_message.Message):
    __slots__ = ("ric_action_id", "cause")
    RIC_ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ric_action_id: int
    cause: Cause
    def __init__(self, ric_action_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ...) -> None: ...

class RicSubscriptionResponse(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_actions_admitted", "ric_actions_not_admitted")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTIONS_ADMITTED_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTIONS_NOT_ADMITTED_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_actions_admitted: _containers.RepeatedScalarFieldContainer[int]
    ric_actions_not_admitted: _containers.RepeatedCompositeFieldContainer[RicActionNotAdmitted]
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_actions_admitted: _Optional[_Iterable[int]] = ..., ric_actions_not_admitted: _Optional[_Iterable[_Union[RicActionNotAdmitted, _Mapping]]] = ...) -> None: ...

class RicSubscriptionFailure(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "cause", "criticality_diagnostics")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class RicSubscriptionDeleteRequest(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ...) -> None: ...

class RicSubscriptionDeleteResponse(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ...) -> None: ...

class RicSubscriptionDeleteFailure(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "cause", "criticality_diagnostics")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class RicIndication(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_action_id", "ric_indication_sn", "ric_indication_type", "ric_indication_header", "ric_indication_message", "ric_call_process_id")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_INDICATION_SN_FIELD_NUMBER: _ClassVar[int]
    RIC_INDICATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    RIC_INDICATION_HEADER_FIELD_NUMBER: _ClassVar[int]
    RIC_INDICATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RIC_CALL_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_action_id: int
    ric_indication_sn: int
    ric_indication_type: RicActionType
    ric_indication_header: bytes
    ric_indication_message: bytes
    ric_call_process_id: bytes
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_action_id: _Optional[int] = ..., ric_indication_sn: _Optional[int] = ..., ric_indication_type: _Optional[_Union[RicActionType, str]] = ..., ric_indication_header: _Optional[bytes] = ..., ric_indication_message: _Optional[bytes] = ..., ric_call_process_id: _Optional[bytes] = ...) -> None: ...

class RicControlRequest(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_call_process_id", "ric_control_header", "ric_control_message", "ric_control_ack_request")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_CALL_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_HEADER_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_ACK_REQUEST_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_call_process_id: bytes
    ric_control_header: bytes
    ric_control_message: bytes
    ric_control_ack_request: RicControlAckRequest
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_call_process_id: _Optional[bytes] = ..., ric_control_header: _Optional[bytes] = ..., ric_control_message: _Optional[bytes] = ..., ric_control_ack_request: _Optional[_Union[RicControlAckRequest, str]] = ...) -> None: ...

class RicControlAcknowledge(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_call_process_id", "ric_control_outcome")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_CALL_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_call_process_id: bytes
    ric_control_outcome: bytes
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_call_process_id: _Optional[bytes] = ..., ric_control_outcome: _Optional[bytes] = ...) -> None: ...

class RicControlFailure(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "ric_call_process_id", "cause", "ric_control_outcome")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_CALL_PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    RIC_CONTROL_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    ric_call_process_id: bytes
    cause: Cause
    ric_control_outcome: bytes
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., ric_call_process_id: _Optional[bytes] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., ric_control_outcome: _Optional[bytes] = ...) -> None: ...

class ErrorIndication(_message.Message):
    __slots__ = ("transaction_id", "ric_request_id", "ran_function_id", "cause", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    ric_request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ("transaction_id", "cause")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    cause: Cause
    def __init__(self, transaction_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ...) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ("transaction_id", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class RicSubscriptionWithCause(_message.Message):
    __slots__ = ("ric_request_id", "ran_function_id", "cause")
    RIC_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ric_request_id: RicRequestId
    ran_function_id: int
    cause: Cause
    def __init__(self, ric_request_id: _Optional[_Union[RicRequestId, _Mapping]] = ..., ran_function_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ...) -> None: ...

class RicSubscriptionDeleteRequired(_message.Message):
    __slots__ = ("ric_subscription_to_be_removed",)
    RIC_SUBSCRIPTION_TO_BE_REMOVED_FIELD_NUMBER: _ClassVar[int]
    ric_subscription_to_be_removed: _containers.RepeatedCompositeFieldContainer[RicSubscriptionWithCause]
    def __init__(self, ric_subscription_to_be_removed: _Optional[_Iterable[_Union[RicSubscriptionWithCause, _Mapping]]] = ...) -> None: ...

class RicServiceUpdate(_message.Message):
    __slots__ = ("transaction_id", "ran_functions_added", "ran_functions_modified", "ran_functions_deleted")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_ADDED_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_MODIFIED_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_DELETED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    ran_functions_added: _containers.RepeatedCompositeFieldContainer[RanFunctionItem]
    ran_functions_modified: _containers.RepeatedCompositeFieldContainer[RanFunctionItem]
    ran_functions_deleted: _containers.RepeatedCompositeFieldContainer[RanFunctionIdItem]
    def __init__(self, transaction_id: _Optional[int] = ..., ran_functions_added: _Optional[_Iterable[_Union[RanFunctionItem, _Mapping]]] = ..., ran_functions_modified: _Optional[_Iterable[_Union[RanFunctionItem, _Mapping]]] = ..., ran_functions_deleted: _Optional[_Iterable[_Union[RanFunctionIdItem, _Mapping]]] = ...) -> None: ...

class RicServiceUpdateAcknowledge(_message.Message):
    __slots__ = ("transaction_id", "ran_functions_accepted", "ran_functions_rejected")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_REJECTED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    ran_functions_accepted: _containers.RepeatedCompositeFieldContainer[RanFunctionIdItem]
    ran_functions_rejected: _containers.RepeatedCompositeFieldContainer[RanFunctionIdCauseItem]
    def __init__(self, transaction_id: _Optional[int] = ..., ran_functions_accepted: _Optional[_Iterable[_Union[RanFunctionIdItem, _Mapping]]] = ..., ran_functions_rejected: _Optional[_Iterable[_Union[RanFunctionIdCauseItem, _Mapping]]] = ...) -> None: ...

class RicServiceUpdateFailure(_message.Message):
    __slots__ = ("transaction_id", "cause", "time_to_wait_s", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    cause: Cause
    time_to_wait_s: int
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., time_to_wait_s: _Optional[int] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class RicServiceQuery(_message.Message):
    __slots__ = ("transaction_id", "ran_functions_accepted")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    RAN_FUNCTIONS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    ran_functions_accepted: _containers.RepeatedCompositeFieldContainer[RanFunctionIdItem]
    def __init__(self, transaction_id: _Optional[int] = ..., ran_functions_accepted: _Optional[_Iterable[_Union[RanFunctionIdItem, _Mapping]]] = ...) -> None: ...

class E2NodeComponentConfigRemovalItem(_message.Message):
    __slots__ = ("interface_type", "component_id")
    INTERFACE_TYPE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_ID_FIELD_NUMBER: _ClassVar[int]
    interface_type: InterfaceType
    component_id: str
    def __init__(self, interface_type: _Optional[_Union[InterfaceType, str]] = ..., component_id: _Optional[str] = ...) -> None: ...

class E2NodeConfigurationUpdate(_message.Message):
    __slots__ = ("transaction_id", "global_e2_node_id", "e2_node_component_config_addition", "e2_node_component_config_update", "e2_node_component_config_removal")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_E2_NODE_ID_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_ADDITION_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_UPDATE_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_REMOVAL_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    global_e2_node_id: GlobalE2NodeId
    e2_node_component_config_addition: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigItem]
    e2_node_component_config_update: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigItem]
    e2_node_component_config_removal: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigRemovalItem]
    def __init__(self, transaction_id: _Optional[int] = ..., global_e2_node_id: _Optional[_Union[GlobalE2NodeId, _Mapping]] = ..., e2_node_component_config_addition: _Optional[_Iterable[_Union[E2NodeComponentConfigItem, _Mapping]]] = ..., e2_node_component_config_update: _Optional[_Iterable[_Union[E2NodeComponentConfigItem, _Mapping]]] = ..., e2_node_component_config_removal: _Optional[_Iterable[_Union[E2NodeComponentConfigRemovalItem, _Mapping]]] = ...) -> None: ...

class E2NodeConfigurationUpdateAcknowledge(_message.Message):
    __slots__ = ("transaction_id", "e2_node_component_config_addition_ack", "e2_node_component_config_update_ack", "e2_node_component_config_removal_ack")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_ADDITION_ACK_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_UPDATE_ACK_FIELD_NUMBER: _ClassVar[int]
    E2_NODE_COMPONENT_CONFIG_REMOVAL_ACK_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    e2_node_component_config_addition_ack: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigAckItem]
    e2_node_component_config_update_ack: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigAckItem]
    e2_node_component_config_removal_ack: _containers.RepeatedCompositeFieldContainer[E2NodeComponentConfigAckItem]
    def __init__(self, transaction_id: _Optional[int] = ..., e2_node_component_config_addition_ack: _Optional[_Iterable[_Union[E2NodeComponentConfigAckItem, _Mapping]]] = ..., e2_node_component_config_update_ack: _Optional[_Iterable[_Union[E2NodeComponentConfigAckItem, _Mapping]]] = ..., e2_node_component_config_removal_ack: _Optional[_Iterable[_Union[E2NodeComponentConfigAckItem, _Mapping]]] = ...) -> None: ...

class E2NodeConfigurationUpdateFailure(_message.Message):
    __slots__ = ("transaction_id", "cause", "time_to_wait_s", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    cause: Cause
    time_to_wait_s: int
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., time_to_wait_s: _Optional[int] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class E2RemovalRequest(_message.Message):
    __slots__ = ("transaction_id",)
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    def __init__(self, transaction_id: _Optional[int] = ...) -> None: ...

class E2RemovalResponse(_message.Message):
    __slots__ = ("transaction_id", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...

class E2RemovalFailure(_message.Message):
    __slots__ = ("transaction_id", "cause", "criticality_diagnostics")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CRITICALITY_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: int
    cause: Cause
    criticality_diagnostics: CriticalityDiagnostics
    def __init__(self, transaction_id: _Optional[int] = ..., cause: _Optional[_Union[Cause, _Mapping]] = ..., criticality_diagnostics: _Optional[_Union[CriticalityDiagnostics, _Mapping]] = ...) -> None: ...
