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

fn ratio(measured: &[Measured], subject: Subject) -> Option<f64> {
    let [ours, article] = [Program::Firebreak, Program::Article].map(|program| compared(measured, program, subject));
    Some(ours?.best() / article?.best())
}

fn ratios(measured: &[Measured]) -> String {
    let mut text = format!("Time to the answer, Firebreak's / the article's (warm, {SLOWEST} ms per call, best of {RUNS}):\n");
    for subject in Subject::ALL {
        if let Some(ratio) = ratio(measured, subject) {
            let _ = writeln!(text, "  {ratio:.2}  {}", subject.words());
        }
    }
    text
}

fn depths(measured: &[Measured]) -> String {
    let ms = format!("ms warm at {SLOWEST}");
    let head =
        ["target", "depth to deny", "to the key inactive", "to all credentials", "to answer", &ms, "article's ms", "ratio"];
    let row = |one: &Measured| {
        let Series { program, subject, .. } = one.series;
        let article = compared(measured, Program::Article, subject).filter(|_| program == Program::Firebreak);
        let whose = if program == Program::Article { "the article's: " } else { "" };
        let all = one.depths.key.max(one.depths.others);
        vec![
            format!("{whose}{}", subject.words()),
            table::cell(one.depths.deny),
            table::cell(one.depths.key),
            table::cell(all),
            table::cell(one.depths.answer),
            format!("{:.0}", one.best()),
            table::cell(article.map(|article| format!("{:.0}", article.best()))),
            table::cell(article.and_then(|_| ratio(measured, subject)).map(|ratio| format!("{ratio:.2}"))),
        ]
    };
    let each =
        [Program::Firebreak, Program::Article].into_iter().flat_map(|program| Subject::ALL.map(|subject| (program, subject)));
    let rows: Vec<_> = each.filter_map(|(program, subject)| compared(measured, program, subject)).map(row).collect();
    table::lines(&head, &rows)
}

fn figures(measured: &[Measured]) -> String {
    let answered = format!("answered, best of {RUNS}");
    let head = ["whose", "target", "start", "ms per call", "denied, best", &answered, "median"];
    let row = |one: &Measured| {
        let Series { program, subject, start, delay } = one.series;
        vec![
            format!("{program:?}"),
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
