"""Messages put around serialised ones are those of protobuf, byte for byte."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap
from hiso_proto import xapp_bus_pb2 as bus
from hypothesis import given
from hypothesis import strategies as st

from near_rt_ric.raw_messages import control_frame, indication_down

SIZES = st.sampled_from((0, 1, 100, 110, 127, 128, 129, 16_360, 16_384, 70_000, 2_100_000))
IDS = st.integers(0, 65_535)


@given(node_id=st.sampled_from(("", "00101-1", "00101-4294967295")), requestor=IDS, instance=IDS, size=SIZES)
def test_an_indication_towards_an_xapp(node_id: str, requestor: int, instance: int, size: int) -> None:
    indication = e2ap.RicIndication(
        ric_request_id=e2ap.RicRequestId(ric_requestor_id=requestor, ric_instance_id=instance),
        ran_function_id=4,
        ric_indication_message=bytes(size),
    )
    expected = bus.DownMessage(node_id=node_id, indication=indication).SerializeToString()
    assert indication_down(node_id, indication.SerializeToString()) == expected


@given(requestor=IDS, header=st.binary(max_size=9), size=SIZES)
def test_a_control_towards_a_node(requestor: int, header: bytes, size: int) -> None:
    request = e2ap.RicControlRequest(
        ric_request_id=e2ap.RicRequestId(ric_requestor_id=requestor),
        ran_function_id=3,
        ric_control_header=header,
        ric_control_message=bytes(size),
    )
    expected = e2ap.E2Frame(pdus=[e2ap.E2apPdu(ric_control_request=request)]).SerializeToString()
    assert control_frame(request.SerializeToString()) == expected


def test_empty_messages() -> None:
    down = bus.DownMessage(node_id="n", indication=e2ap.RicIndication())
    frame = e2ap.E2Frame(pdus=[e2ap.E2apPdu(ric_control_request=e2ap.RicControlRequest())])
    assert indication_down("n", b"") == down.SerializeToString()
    assert control_frame(b"") == frame.SerializeToString()
