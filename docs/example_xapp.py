# A whole xApp: prints each slice's SLA satisfaction once a second. Usage: python docs/example_xapp.py BUS
import sys

from xapps.sdk import KPM_OID, XApp, kpm, report_action

with XApp("ssr-printer", bus=sys.argv[1]) as xapp:

    def show(_node, indication):
        for period in kpm.IndicationMessage.FromString(indication.ric_indication_message).meas_data:
            print(*(f"{s.name} {v.real:.3f}" for s, v in zip(slices, period.meas_record, strict=True)), flush=True)

    xapp.connect()
    node = xapp.wait_for_node(KPM_OID)
    slices = kpm.RanFunctionDefinition.FromString(node.function(KPM_OID).ran_function_definition).slices
    labels = [kpm.MeasurementLabel(slice_id=item.s_nssai) for item in slices]
    wanted = kpm.MeasurementInfoItem(meas_name="VS.SLA.SatisfactionRateDl", label_info_list=labels)
    action = report_action(kpm.ActionDefinition(ric_style_type=1, meas_info_list=[wanted], granul_period_ms=1000))
    trigger = kpm.EventTriggerDefinition(reporting_period_ms=1000)
    xapp.subscribe(node, KPM_OID, key="ssr", trigger=trigger, actions=[action], handler=show)
    xapp.run()
