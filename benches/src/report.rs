//! What is printed: ratios first, then depths, then every figure.

use crate::series::{Measured, Program, RUNS, SLOWEST, Series, Start};
use crate::table;
use firebreak_drill::Subject;
use std::fmt::Write as _;

/// The whole report.
pub(crate) fn of(measured: &[Measured]) -> String {
    format!("{}\n{}\n{}", ratios(measured), depths(measured), figures(measured))
}

/// What is compared: warm, with the slowest calls.
fn compared(measured: &[Measured], program: Program, subject: Subject) -> Option<&Measured> {
    let wanted = Series { program, subject, start: Start::Warm, delay: SLOWEST };
    measured.iter().find(|one| one.series == wanted)
}

/// How many times as fast Firebreak answers.
fn times_as_fast(measured: &[Measured], than: Program, subject: Subject) -> Option<f64> {
    let [ours, theirs] = [Program::Firebreak, than].map(|program| compared(measured, program, subject));
    Some(theirs?.best() / ours?.best())
}

fn ratios(measured: &[Measured]) -> String {
    let mut text = format!("How many times as fast Firebreak answers (warm, {SLOWEST} ms per call, best of {RUNS}):\n");
    for than in [Program::ArticleAcross, Program::Article] {
        for subject in Subject::ALL {
            if let Some(times) = times_as_fast(measured, than, subject) {
                let _ = writeln!(text, "  {times:.2}  {}, {}", than.words(), subject.words());
            }
        }
    }
    text
}

fn depths(measured: &[Measured]) -> String {
    let ms = format!("ms warm at {SLOWEST}");
    let head = ["whose", "target", "depth to deny", "to the key inactive", "to all credentials", "to answer", &ms];
    let row = |one: &Measured| {
        vec![
            one.series.program.words().to_owned(),
            one.series.subject.words().to_owned(),
            table::cell(one.depths.deny),
            table::cell(one.depths.key),
            table::cell(one.depths.key.max(one.depths.others)),
            table::cell(one.depths.answer),
            format!("{:.0}", one.best()),
        ]
    };
    let each = Program::ALL.into_iter().flat_map(|program| Subject::ALL.map(|subject| (program, subject)));
    let rows: Vec<_> = each.filter_map(|(program, subject)| compared(measured, program, subject)).map(row).collect();
    table::lines(&head, &rows)
}

fn figures(measured: &[Measured]) -> String {
    let answered = format!("answered, best of {RUNS}");
    let head = ["whose", "target", "start", "ms per call", "denied, best", &answered, "median"];
    let row = |one: &Measured| {
        let Series { program, subject, start, delay } = one.series;
        vec![
            program.words().to_owned(),
            subject.words().to_owned(),
            format!("{start:?}"),
            delay.to_string(),
            table::cell(one.denied.map(|ms| format!("{ms:.0} ms"))),
            format!("{:.0} ms", one.best()),
            format!("{:.0} ms", one.median()),
        ]
    };
    table::lines(&head, &measured.iter().map(row).collect::<Vec<_>>())
}
