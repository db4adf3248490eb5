//! The list and the screen at 80 and at 40 columns, word for word.

use super::list::{shown as listed, sort};
use super::screens::{OTHER, states};
use console::{measure_text_width, strip_ansi_codes};
use firebreak::finding::{Actor, SeverityBand};
use firebreak::ids::IncidentId;
use firebreak_ledger::{IncidentView, Overview};
use jiff::Timestamp;
use std::path::Path;

const ID: &str = "fb-0123456789abcdef";

fn now() -> Timestamp {
    "2026-11-20T02:04:00Z".parse().expect("a time")
}

/// An incident in this state, of which the gate waits four hours.
fn view(name: &str) -> IncidentView {
    let mut view = states().into_iter().find(|state| state.name == name).expect("a state").view;
    let incident = &mut view.record.incident;
    (incident.timing.review_timeout_seconds, incident.timing.review_max_rounds) = (14_400, 6);
    incident.finding.title = Some("The credentials of an IAM user copy data out of a bucket.".to_owned());
    incident.finding.actor = Some(Actor {
        principal: Some("alice".to_owned()),
        key: Some("AKIAEXAMPLE0000000000".to_owned()),
        call: Some("s3:GetObject".to_owned()),
        address: Some("198.51.100.23".to_owned()),
        place: Some("Amsterdam, Netherlands, AS64500 Example ISP".to_owned()),
        ..Actor::default()
    });
    view
}

/// The same in a list, under another id.
fn overview(name: &str, digit: char, band: SeverityBand) -> Overview {
    let mut view = view(name);
    let id = format!("fb-{}", digit.to_string().repeat(16));
    (view.record.incident.id, view.record.incident.finding.severity_band) = (IncidentId::parse(&id).expect("an id"), Some(band));
    Overview::from(view)
}

fn list(width: usize) -> Vec<String> {
    let mut all = vec![
        overview("released", 'e', SeverityBand::Critical),
        overview("contained", 'd', SeverityBand::Critical),
        overview("gated", 'c', SeverityBand::Low),
        overview("partial", 'b', SeverityBand::High),
        overview("failed", 'a', SeverityBand::High),
    ];
    sort(&mut all);
    strip_ansi_codes(&listed(&all, now(), width)).lines().map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn what_is_not_contained_stands_first_and_each_id_is_in_one_piece() {
    let wide = list(80);
    assert_eq!(
        wide,
        [
            "ID                   SEV   STATE      LEFT     ACCOUNT       TARGET",
            "fb-aaaaaaaaaaaaaaaa  HIGH  open       3h 59m   111122223333  IAM user alice",
            "fb-bbbbbbbbbbbbbbbb  HIGH  partly     3h 59m   111122223333  IAM user alice",
            "fb-cccccccccccccccc  LOW   gated      3h 59m   111122223333  IAM user alice",
            "fb-dddddddddddddddd  CRIT  contained  3h 59m   111122223333  IAM user alice",
            "fb-eeeeeeeeeeeeeeee  CRIT  released            111122223333  IAM user alice",
        ]
    );
    let narrow = list(40);
    assert_eq!(
        narrow[..5],
        [
            "fb-aaaaaaaaaaaaaaaa  HIGH",
            "  open, 3h 59m left",
            "  IAM user alice",
            "  111122223333",
            "  Exfiltration:IAMUser/AnomalousBehavior",
        ]
    );
    assert_eq!(narrow.len(), 25);
    for (lines, width) in [(&wide, 80), (&narrow, 40)] {
        assert!(lines.iter().all(|line| measure_text_width(line) <= width), "{lines:?}");
    }
    let wider = list(120);
    assert!(wider[1].ends_with("IAM user alice  Exfiltration:IAMUser/AnomalousBehavior"), "{wider:?}");
}

#[test]
fn a_screen_fits_its_terminal_and_is_as_reviewed() {
    for width in [80, 40] {
        let mut all = String::new();
        for name in ["contained", "failed", "partial", "gated", "drifted", "released by one holder"] {
            let screen = strip_ansi_codes(&super::shown(&view(name), now(), width)).into_owned();
            let is_word = |line: &str| !line.trim().trim_end_matches(" \\").contains(' ');
            let fits = |line: &str| measure_text_width(line) <= width || is_word(line);
            assert!(screen.lines().all(fits), "{name} at {width} columns: {screen}");
            let ids = screen.matches(ID).count() + screen.matches(OTHER).count();
            assert_eq!(screen.matches("fb-").count(), ids, "an id is in one piece: {screen}");
            all.push_str(&format!("===== {name}\n{screen}\n"));
        }
        insta::with_settings!({
            snapshot_path => Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/screens"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("incident-{width}"), all);
        });
    }
}
