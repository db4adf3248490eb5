//! Flow log records as text: fields with a blank between them, in the order that the flow log's format says.
//!
//! Every field is read into a type. Text of a record goes nowhere.

use super::{Span, time};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

/// The default format (VPC user guide, "Flow log records").
const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} \
     ${bytes} ${start} ${end} ${action} ${log-status}";
/// Pairs of addresses that are remembered of an interface: whoever scans makes many.
const REMEMBERED: usize = 1000;

/// Where the fields stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    start: usize,
    interface: Option<usize>,
    addresses: Option<(usize, usize)>,
    ports: Option<(usize, usize)>,
    bytes: Option<usize>,
    end: Option<usize>,
    action: Option<usize>,
    status: Option<usize>,
}

/// Between whom: both addresses in order, and the lower port, which is the service's more often than not.
pub(super) type Between = Option<(IpAddr, IpAddr, Option<u16>)>;

/// The first window of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub(super) between: Between,
    start: i64,
    end: Option<i64>,
    bytes: Option<u64>,
}

/// What the records of one interface say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Records of windows that begin after the isolation.
    pub(super) windows: usize,
    /// Of these, so many say that AWS left others out.
    pub(super) left_out: usize,
    /// Accepted flows, each once.
    pub(super) flows: BTreeMap<Between, Flow>,
}

impl Format {
    /// Nothing: no window can be told from it, or whether a flow was accepted. `accepted_only` is a flow log without rejected flows.
    pub(super) fn parse(format: Option<&str>, accepted_only: bool) -> Option<Self> {
        let format = format.filter(|format| !format.trim().is_empty()).unwrap_or(DEFAULT);
        let names: Vec<&str> =
            format.split_ascii_whitespace().map(|field| field.trim_start_matches("${").trim_end_matches('}')).collect();
        let at = |name: &str| names.iter().position(|field| *field == name);
        let action = at("action");
        (accepted_only || action.is_some()).then_some(())?;
        Some(Self {
            start: at("start")?,
            interface: at("interface-id"),
            addresses: at("srcaddr").zip(at("dstaddr")),
            ports: at("srcport").zip(at("dstport")),
            bytes: at("bytes"),
            end: at("end"),
            action,
            status: at("log-status"),
        })
    }

    /// Whether its records name their interface.
    pub(super) fn names_interfaces(&self) -> bool {
        self.interface.is_some()
    }

    /// Counts a record for its interface, or for `whose` where the format names none. A line that is no record, as the first one of a
    /// file, is passed over.
    pub(super) fn count(&self, line: &str, whose: Option<&str>, span: Span, seen: &mut BTreeMap<String, Seen>) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let field = |at: Option<usize>| at.and_then(|at| fields.get(at)).copied();
        let Some(start) = field(Some(self.start)).and_then(|text| text.parse::<i64>().ok()).filter(|start| span.has(*start))
        else {
            return;
        };
        let Some(of) = field(self.interface).or(whose).and_then(|id| seen.get_mut(id)) else { return };
        of.windows += 1;
        if field(self.status) == Some("SKIPDATA") {
            of.left_out += 1;
            return;
        }
        let is_flow = field(self.status) != Some("NODATA");
        let is_accepted = is_flow && self.action.is_none_or(|at| field(Some(at)) == Some("ACCEPT"));
        let between = self.between(&field);
        if !is_accepted || between.is_some_and(|(one, other, _)| is_unfiltered(one) || is_unfiltered(other)) {
            return;
        }
        let end = field(self.end).and_then(|text| text.parse::<i64>().ok());
        let bytes = field(self.bytes).and_then(|text| text.parse::<u64>().ok());
        let (flow, is_room) = (Flow { between, start, end, bytes }, of.flows.len() < REMEMBERED);
        match of.flows.entry(between) {
            Entry::Vacant(free) if is_room => {
                free.insert(flow);
            }
            Entry::Occupied(mut known) if flow < *known.get() => {
                known.insert(flow);
            }
            _ => {}
        }
    }

    fn between<'a>(&self, field: &impl Fn(Option<usize>) -> Option<&'a str>) -> Between {
        let address = |at: usize| field(Some(at)).and_then(|text| text.parse::<IpAddr>().ok());
        let port = |at: usize| field(Some(at)).and_then(|text| text.parse::<u16>().ok());
        let (source, destination) = self.addresses?;
        let (source, destination) = (address(source)?, address(destination)?);
        let ports = self.ports.and_then(|(from, to)| port(from).zip(port(to)));
        let lower = ports.map(|(from, to)| from.min(to)).filter(|port| *port > 0);
        Some((source.min(destination), source.max(destination), lower))
    }
}

/// What no security group filters: the metadata service, Amazon's resolver and its time, at link-local addresses. Flow logs leave them
/// out for the most part (VPC user guide, "Flow log limitations").
fn is_unfiltered(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => matches!(address.segments(), [0xfd00, 0x0ec2, ..]),
    }
}

impl Flow {
    /// One line for people: that of the flow's first window, so that it is the same at the next look.
    pub(super) fn told(&self, interface: &str) -> String {
        let between = match self.between {
            Some((one, other, Some(port))) => format!("between {one} and {other}, port {port}"),
            Some((one, other, None)) => format!("between {one} and {other}"),
            None => "between addresses that the flow log's format leaves out".to_owned(),
        };
        let bytes = self.bytes.map_or_else(String::new, |bytes| format!(", {bytes} bytes"));
        let at = |second: i64| Timestamp::from_second(second).map_or_else(|_| second.to_string(), time);
        let end = self.end.map_or_else(String::new, |end| format!(" to {}", at(end)));
        format!("{interface}: a flow was accepted after the isolation {between}{bytes}, from {}{end}", at(self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: i64 = 1_795_000_000;

    fn counted(format: Option<&str>, accepted_only: bool, lines: &[&str]) -> Seen {
        let format = Format::parse(format, accepted_only).expect("a format");
        let span = Span::after(Timestamp::from_second(SINCE).expect("a time"));
        let mut seen = BTreeMap::from([("eni-1".to_owned(), Seen::default())]);
        for line in lines {
            format.count(line, (!format.names_interfaces()).then_some("eni-1"), span, &mut seen);
        }
        seen.remove("eni-1").expect("it was there")
    }

    fn line(source: &str, target: &str, start: i64, action: &str) -> String {
        format!("2 111122223333 eni-1 {source} {target} 51000 443 6 10 840 {start} {} {action} OK", start + 60)
    }

    #[test]
    fn only_windows_that_begin_after_the_isolation_count() {
        let [before, during, after] = [-60, 0, 1].map(|offset| line("10.0.0.5", "203.0.113.9", SINCE + offset, "ACCEPT"));
        let late = line("10.0.0.5", "203.0.113.9", SINCE + 3601, "ACCEPT");
        assert_eq!(counted(None, false, &[&before, &during, &late]), Seen::default());
        let seen = counted(None, false, &[&before, &after]);
        assert_eq!((seen.windows, seen.flows.len()), (1, 1));
        let told = seen.flows.values().next().expect("a flow").told("eni-1");
        assert!(told.contains("10.0.0.5 and 203.0.113.9, port 443, 840 bytes") && told.starts_with("eni-1"), "{told}");
    }

    #[test]
    fn both_directions_are_one_flow_and_its_first_window_is_told() {
        let there = line("10.0.0.5", "203.0.113.9", SINCE + 120, "ACCEPT");
        let back = format!("2 111122223333 eni-1 203.0.113.9 10.0.0.5 443 51000 6 1 40 {} {} ACCEPT OK", SINCE + 60, SINCE + 119);
        let seen = counted(None, false, &[&there, &back]);
        assert_eq!((seen.windows, seen.flows.len()), (2, 1));
        let again = counted(None, false, &[&back, &there]);
        assert_eq!(seen, again, "in whatever order they come");
        assert!(seen.flows.values().all(|flow| flow.bytes == Some(40)));
    }

    #[test]
    fn what_is_no_accepted_flow_proves_a_window_or_nothing() {
        let nodata = format!("2 111122223333 eni-1 - - - - - - - {} {} - NODATA", SINCE + 1, SINCE + 60);
        let skipped = format!("2 111122223333 eni-1 - - - - - - - {} {} - SKIPDATA", SINCE + 1, SINCE + 60);
        let rejected = line("10.0.0.5", "203.0.113.9", SINCE + 1, "REJECT");
        let metadata = line("10.0.0.5", "169.254.169.254", SINCE + 1, "ACCEPT");
        let resolver = line("fd00:ec2::253", "2001:db8::5", SINCE + 1, "ACCEPT");
        let seen = counted(None, false, &[&nodata, &skipped, &rejected, &metadata, &resolver]);
        assert_eq!((seen.windows, seen.left_out, seen.flows.len()), (5, 1, 0));
        let others = nodata.replace("eni-1", "eni-2");
        for odd in ["", "version account-id interface-id start", "\u{1b}[2J x", "2 1 eni-1", others.as_str()] {
            assert_eq!(counted(None, false, &[odd]), Seen::default(), "{odd}");
        }
    }

    #[test]
    fn a_format_of_somebodys_own_is_read_by_its_fields() {
        let custom = Some("${start} ${dstaddr} ${srcaddr} ${action} ${flow-direction}");
        let accepted = format!("{} 203.0.113.9 10.0.0.5 ACCEPT egress", SINCE + 5);
        assert_eq!(counted(custom, false, &[&accepted]).flows.len(), 1);
        let bare = format!("{} x", SINCE + 5);
        assert_eq!(counted(Some("${start} ${vpc-id}"), true, &[&bare]).flows.len(), 1, "an unnamed flow is one, too");
        assert_eq!(Format::parse(Some("${srcaddr} ${action}"), false), None, "no window");
        assert_eq!(Format::parse(Some("${start} ${srcaddr}"), false), None, "accepted or not?");
    }

    #[test]
    fn a_scan_does_not_fill_the_memory() {
        let lines: Vec<String> =
            (0..2000_u32).map(|at| line("10.0.0.5", &format!("10.1.{}.{}", at / 250, at % 250), SINCE + 1, "ACCEPT")).collect();
        let seen = counted(None, false, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((seen.windows, seen.flows.len()), (2000, REMEMBERED));
    }
}
