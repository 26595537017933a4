"""RIC service updates, judged: whatever is asked, a node has one function of an OID."""

from __future__ import annotations

from hiso_proto import e2ap_pb2 as e2ap
from hypothesis import given
from hypothesis import strategies as st

from near_rt_ric.e2_messages import NodeSetup
from near_rt_ric.e2_updates import judge_service_update

OIDS = [f"1.3.6.{i}" for i in range(4)]


def function(number: int, oid: str) -> e2ap.RanFunctionItem:
    return e2ap.RanFunctionItem(ran_function_id=number, ran_function_oid=oid)


def setup_of(*items: e2ap.RanFunctionItem) -> NodeSetup:
    return NodeSetup("00101-1", functions={item.ran_function_id: item for item in items})


def test_a_change_cannot_take_the_oid_that_an_unfit_change_leaves() -> None:
    before = setup_of(function(1, OIDS[0]), function(2, OIDS[1]), function(3, OIDS[2]))
    # 1 may not take 3's OID, so 2 cannot have that of 1.
    verdict = judge_service_update(
        before,
        e2ap.RicServiceUpdate(
            ran_functions_modified=[function(2, OIDS[0]), function(1, OIDS[2])],
            ran_functions_added=[function(4, OIDS[3])],
        ),
    )
    assert verdict.setup is not None
    assert verdict.setup.functions == {**before.functions, 4: function(4, OIDS[3])}
    answer = verdict.answer.ric_service_update_acknowledge
    assert [item.ran_function_id for item in answer.ran_functions_accepted] == [4]
    assert sorted(item.ran_function_id for item in answer.ran_functions_rejected) == [1, 2]


def test_an_update_of_which_nothing_can_be_accepted_is_refused_by_its_functions() -> None:
    update = e2ap.RicServiceUpdate(ran_functions_deleted=[e2ap.RanFunctionIdItem(ran_function_id=9)])
    verdict = judge_service_update(setup_of(function(1, OIDS[0])), update)
    assert verdict.setup is None
    text = verdict.answer.ric_service_update_failure.criticality_diagnostics.text
    assert text.startswith("ran_functions_added, _modified, _deleted: none can be accepted: ran_function_id 9: ")


def test_functions_may_exchange_their_oids() -> None:
    swapped = [function(1, OIDS[1]), function(2, OIDS[0])]
    verdict = judge_service_update(
        setup_of(function(1, OIDS[0]), function(2, OIDS[1])), e2ap.RicServiceUpdate(ran_functions_modified=swapped)
    )
    assert verdict.setup == setup_of(*swapped)


def test_a_known_function_whose_addition_is_refused_stays() -> None:
    before = setup_of(function(4, OIDS[0]), function(5, OIDS[1]))
    verdict = judge_service_update(
        before, e2ap.RicServiceUpdate(ran_functions_added=[function(4, ""), function(6, OIDS[0]), function(7, OIDS[2])])
    )
    assert verdict.setup is not None
    assert verdict.setup.functions == {**before.functions, 7: function(7, OIDS[2])}  # 4 keeps its OID: 6 cannot have it
    answer = verdict.answer.ric_service_update_acknowledge
    assert [item.ran_function_id for item in answer.ran_functions_accepted] == [7]
    assert sorted(item.ran_function_id for item in answer.ran_functions_rejected) == [4, 6]


def test_an_update_may_add_a_known_function_as_another() -> None:
    verdict = judge_service_update(
        setup_of(function(4, OIDS[0])),
        e2ap.RicServiceUpdate(ran_functions_added=[function(3, OIDS[0]), function(4, OIDS[1])]),
    )
    assert verdict.setup == setup_of(function(3, OIDS[0]), function(4, OIDS[1]))


functions_by_id = st.dictionaries(st.integers(1, 6), st.sampled_from([*OIDS, ""]))


@given(functions_by_id, functions_by_id, st.sets(st.integers(1, 6)))
def test_an_update_changes_what_it_accepts_and_leaves_no_two_functions_of_one_oid(
    modified: dict[int, str], added: dict[int, str], deleted: set[int]
) -> None:
    before = setup_of(*(function(number, oid) for number, oid in enumerate(OIDS, 1)))
    update = e2ap.RicServiceUpdate(
        ran_functions_modified=[function(*item) for item in modified.items()],
        ran_functions_added=[function(*item) for item in added.items()],
        ran_functions_deleted=[e2ap.RanFunctionIdItem(ran_function_id=number) for number in deleted],
    )
    verdict = judge_service_update(before, update)
    after = (verdict.setup or before).functions
    oids = [item.ran_function_oid for item in after.values()]
    assert len(set(oids)) == len(oids)
    answer = verdict.answer.ric_service_update_acknowledge  # empty where the update failed
    accepted = {item.ran_function_id for item in answer.ran_functions_accepted}
    expected = {number: function(number, oid) for number, oid in {**modified, **added}.items()}
    for number in range(1, 7):
        assert after.get(number) == (expected if number in accepted else before.functions).get(number)
    if verdict.setup is not None:
        assert accepted.isdisjoint(item.ran_function_id for item in answer.ran_functions_rejected)
        assert len(answer.ran_functions_accepted) + len(answer.ran_functions_rejected) == len(
            {*modified, *added, *deleted}
        )
