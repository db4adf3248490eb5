//! Who did it, and from where, as far as the finding says: for people. Nothing is decided by it.

use super::{Finding, text};
use crate::text::inert;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who did it, and from where. Every text is bounded and safe to show; the other side may have chosen some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// The name of the principal that called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The access key that it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it called: `s3:ListBuckets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The address of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// City, country and network of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The name that was asked for in DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// What the caller calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// No field is longer.
const MOST: usize = 80;

impl Actor {
    /// Who it was, as the summary of a finding keeps it. Nothing when the finding says nothing.
    pub(crate) fn of(finding: &Finding) -> Option<Self> {
        let address = || finding.remote_addresses.first().map(ToString::to_string);
        let known = finding.actor.clone();
        let actor = Self { address: known.address.clone().or_else(address), ..known };
        (actor != Self::default()).then_some(actor)
    }

    /// One line: who called what, from where.
    #[must_use]
    pub fn says(&self) -> String {
        let with = |before: &str, text: &Option<String>| text.as_ref().map(|text| format!("{before}{text}"));
        let place = self.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let address = self.address.as_ref().map(|address| format!("from {address}{place}"));
        let agent = self.user_agent.as_ref().map(|agent| format!("which calls itself {agent}"));
        let key = with("with access key ", &self.key);
        let parts =
            [self.principal.clone(), key, with("called ", &self.call), address, with("asked DNS for ", &self.domain), agent];
        inert(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "), 600)
    }
}

/// GuardDuty's native form: `service.action` and `resource.accessKeyDetails`.
pub(super) fn of_guardduty(detail: &Value) -> Actor {
    let at = |path: &str| detail.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kinds = ["awsApiCallAction", "networkConnectionAction", "kubernetesApiCallAction", "rdsLoginAttemptAction"];
    let action = kinds.iter().find_map(|kind| detail.pointer(&format!("/service/action/{kind}")));
    let probe = || detail.pointer("/service/action/portProbeAction/portProbeDetails/0");
    let from = action.or_else(probe).and_then(|action| action.get("remoteIpDetails"));
    let address = from.and_then(|from| text(from, "ipAddressV4").or_else(|| text(from, "ipAddressV6")));
    Actor {
        principal: at("/resource/accessKeyDetails/userName").map(short),
        key: at("/resource/accessKeyDetails/accessKeyId").map(short),
        call: at("/service/action/awsApiCallAction/api").map(|api| {
            let service = at("/service/action/awsApiCallAction/serviceName").unwrap_or("");
            let service = service.trim_end_matches(".amazonaws.com");
            short(&if service.is_empty() { api.to_owned() } else { format!("{service}:{api}") })
        }),
        address: address.map(short),
        place: from.and_then(place),
        domain: at("/service/action/dnsRequestAction/domain").map(short),
        user_agent: at("/service/action/awsApiCallAction/userAgent").map(short),
    }
}

/// City, country and network.
fn place(from: &Value) -> Option<String> {
    let at = |path: &str| from.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    // Numbers in some forms, texts in others.
    let asn = from
        .pointer("/organization/asn")
        .and_then(|asn| asn.as_str().map(str::to_owned).or_else(|| Some(asn.as_u64()?.to_string())));
    let network = at("/organization/isp").or_else(|| at("/organization/asnOrg"));
    let network = match (asn, network) {
        (Some(asn), Some(network)) => Some(format!("AS{asn} {network}")),
        (Some(asn), None) => Some(format!("AS{asn}")),
        (None, network) => network,
    };
    let parts: Vec<String> = [at("/city/cityName"), at("/country/countryName"), network].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| short(&parts.join(", ")))
}

fn short(text: &str) -> String {
    inert(text, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_finding_says_who_called_what_from_where() {
        let detail = json!({
            "resource": { "accessKeyDetails": { "userName": "ux-reports", "accessKeyId": "AKIAEXAMPLE" } },
            "service": { "action": { "awsApiCallAction": { "api": "PutBucketPolicy", "serviceName": "s3.amazonaws.com",
                "userAgent": "aws-cli\u{1b}[2J", "remoteIpDetails": { "ipAddressV4": "198.51.100.23",
                "organization": { "asn": "64500", "isp": "Example ISP" }, "country": { "countryName": "Netherlands" },
                "city": { "cityName": "Amsterdam" } } } } } });
        let actor = of_guardduty(&detail);
        assert_eq!(
            actor.says().replace('\u{fffd}', "?"),
            "ux-reports with access key AKIAEXAMPLE called s3:PutBucketPolicy from 198.51.100.23 (Amsterdam, Netherlands, AS64500 \
             Example ISP) which calls itself aws-cli?[2J"
        );
        let dns = json!({ "service": { "action": { "dnsRequestAction": { "domain": "c2.example.net" } } } });
        assert_eq!(of_guardduty(&dns).says(), "asked DNS for c2.example.net");
    }

    #[test]
    fn whatever_a_finding_has_instead_is_bounded_or_left_out() {
        for odd in
            [json!({}), json!([]), json!({ "service": { "action": 7 } }), json!({ "resource": { "accessKeyDetails": "x" } })]
        {
            assert_eq!(of_guardduty(&odd), Actor::default(), "{odd}");
        }
        let long = json!({ "resource": { "accessKeyDetails": { "userName": "n".repeat(5_000) } } });
        assert!(of_guardduty(&long).says().chars().count() <= MOST + 1);
    }
}
