"""A whole xApp: prints each slice's SLA satisfaction once a second. Usage: python docs/example_xapp.py BUS"""

import sys

from hiso_proto import e2sm_kpm_pb2 as kpm
from hiso_proto.oids import KPM_OID

from xapps.sdk import XApp, report_action

with XApp("ssr-printer", bus=sys.argv[1]) as xapp:
    xapp.connect()
    node = xapp.wait_for_node(KPM_OID)
    slices = kpm.RanFunctionDefinition.FromString(node.function(KPM_OID).ran_function_definition).slices
    labels = [kpm.MeasurementLabel(slice_id=item.s_nssai) for item in slices]
    wanted = kpm.MeasurementInfoItem(meas_name="VS.SLA.SatisfactionRateDl", label_info_list=labels)

    def show(_node, indication):
        """One line a second."""
        for period in kpm.IndicationMessage.FromString(indication.ric_indication_message).meas_data:
            print(
                *(f"{s.name} {value.real:.3f}" for s, value in zip(slices, period.meas_record, strict=True)), flush=True
            )

    action = report_action(kpm.ActionDefinition(ric_style_type=1, meas_info_list=[wanted], granul_period_ms=1000))
    trigger = kpm.EventTriggerDefinition(reporting_period_ms=1000)
    xapp.subscribe(node, KPM_OID, key="ssr", trigger=trigger, actions=[action], handler=show)
    xapp.run()
