"""What an xApp shows of its weights, over the nodes that it serves."""

from __future__ import annotations

import numpy as np
import pytest

from xapps.host_metrics import HostMetrics, MismatchWatch
from xapps.sdk import E2Node
from xapps.slicing.weights import Weights, WeightsMetadata


def trained_at(control_delay_slots: int) -> Weights:
    about = WeightsMetadata(
        variant="madqn-tuned",
        preset="base",
        hwi_model="any",
        kappa_t=1e-3,
        kappa_r=1e-3,
        control_delay_slots=control_delay_slots,
        seed=1,
        trained_slots=1,
        epsilon=0.0,
        command="hiso train",
    )
    return Weights(about, {"embb.flat": np.zeros(1, np.float32)})


@pytest.fixture
def metrics() -> HostMetrics:
    return HostMetrics("intra-embb", "madqn-tuned")


def mismatches(metrics: HostMetrics) -> set[str]:
    (family,) = (each for each in metrics.collect() if each.name == "hiso_xapp_weights_mismatch")
    return {sample.labels["reason"] for sample in family.samples if sample.value}


def weights_id(metrics: HostMetrics) -> str:
    (family,) = (each for each in metrics.collect() if each.name == "hiso_xapp_info")
    (sample,) = family.samples
    return sample.labels["weights_id"]


def test_a_mismatch_is_shown_while_its_node_is_there(metrics: HostMetrics) -> None:
    """Else its alert would fire for ever."""
    fits, differs = E2Node("00101-1", connected=True), E2Node("00101-2", connected=True)
    MismatchWatch(trained_at(2), fits, metrics).control_delay(4)
    MismatchWatch(trained_at(0), differs, metrics).control_delay(4)
    assert mismatches(metrics) == {"control_delay"}
    differs.connected = False
    assert mismatches(metrics) == set()
    differs.connected = True  # its subscription is restored: the agent is the same
    assert mismatches(metrics) == {"control_delay"}


def test_the_weights_of_all_nodes_are_named(metrics: HostMetrics) -> None:
    early, late = trained_at(0), trained_at(2)
    assert weights_id(metrics) == ""
    first = E2Node("00101-1", connected=True)
    MismatchWatch(early, first, metrics)
    MismatchWatch(late, E2Node("00101-2", connected=True), metrics)
    MismatchWatch(late, E2Node("00101-3", connected=True), metrics)
    assert weights_id(metrics) == f"{early.weights_id}, {late.weights_id}"
    first.connected = False
    assert weights_id(metrics) == late.weights_id
    for watch in metrics.watches.values():
        watch.node.connected = False
    assert weights_id(metrics) == f"{early.weights_id}, {late.weights_id}"  # of the run that has ended
