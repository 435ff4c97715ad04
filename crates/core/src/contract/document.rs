//! A contract as one JSON document: what its versions are compared by and kept as. Owns the names and
//! order of fields, which are the API's.

use serde_json::{Value as Json, json};

use super::{Contract, End, Header, Line, Pause, Phase, Start};

impl Contract {
    /// The contract's content as a document: the same for equal contents, in the API's words, without
    /// what was not agreed (version, status by the calendar, times of change).
    pub fn document(&self) -> Json {
        let mut document = header(self.header());
        let phases: Vec<Json> = self.phases().iter().map(phase).collect();
        let pauses: Vec<Json> = self.pauses().iter().map(pause).collect();
        document["status"] = json!(self.status().as_str());
        document["phases"] = Json::Array(phases);
        document["pauses"] = Json::Array(pauses);
        document
    }
}

fn start(start: Start) -> Json {
    json!(start.written().to_string())
}

fn end(end: Option<End>) -> Json {
    json!(end.map(|end| end.written().to_string()))
}

fn header(header: &Header) -> Json {
    let Header {
        name,
        description,
        customer_id,
        currency,
        contract_type,
        start: first,
        end: last,
        anchor,
        is_last_day_of_month,
        renewal_policy,
        include_in_renewal,
        plan,
        bill_parent_customer,
        invoice_payer_customer_id,
        contract_link,
        tags,
        custom_attributes,
        source,
        renewed_from,
    } = header;
    json!({
        "name": name,
        "description": description,
        "customer_id": customer_id,
        "currency": currency.to_string(),
        "contract_type": contract_type.as_str(),
        "start_date": start(*first),
        "end_date": end(*last),
        "anchor_date": anchor.map(start),
        "is_last_day_of_month": is_last_day_of_month,
        "renewal_policy": renewal_policy.map(super::RenewalPolicy::as_str),
        "include_in_renewal": include_in_renewal,
        "plan_id": plan.map(|plan| plan.plan_id),
        "plan_version": plan.and_then(|plan| plan.version),
        "bill_parent_customer": bill_parent_customer,
        "invoice_payer_customer_id": invoice_payer_customer_id,
        "contract_link": contract_link,
        "tags": tags,
        "custom_attributes": custom_attributes,
        "source": source,
        "renewed_from": renewed_from,
    })
}

fn phase(phase: &Phase) -> Json {
    let head = &phase.head;
    let lines: Vec<Json> = phase.lines.iter().map(line).collect();
    let features = head.features.as_ref().map(|content| content.document());
    json!({
        "id": phase.id,
        "name": head.name,
        "description": head.description,
        "phase_type": head.phase_type.as_str(),
        "start_date": start(phase.start),
        "end_date": end(phase.end),
        "features": features,
        "source_plan_phase_id": head.source_plan_phase_id,
        "phase_metadata": head.phase_metadata,
        "pricings": lines,
    })
}

fn line(line: &Line) -> Json {
    let head = &line.head;
    let switches = head.is_enabled.iter().map(
        |entry| json!({ "value": entry.value, "effective_from": entry.effective_from.to_string() }),
    );
    json!({
        "id": line.id.0,
        "product_id": head.product_id,
        "pricing_id": head.pricing_id,
        "pricing": head.pricing.document(),
        "start_date": start(line.start),
        "end_date": end(line.end),
        "anchor_date": head.anchor.map(start),
        "is_enabled": switches.collect::<Vec<Json>>(),
        "external_id": head.external_id,
        "description": head.description,
        "plan_id": head.plan_id,
        "custom_data": head.custom_data,
    })
}

fn pause(pause: &Pause) -> Json {
    json!({
        "id": pause.id,
        "phase_type": "pause",
        "start_date": start(pause.start),
        "end_date": end(pause.end),
        "unpause_extension_policy": pause.policy.as_str(),
        "extended_days": pause.extended_days,
    })
}
