//! What each sentence claims: where it may stand, and where it must.

use super::Told;
use super::states::{Holds, Next, OTHER, Say, Truth};

/// One claim. `may` and `must` go by what is true, never by other words of the message.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// Whether the message makes the claim.
    pub(crate) says: fn(&Told) -> bool,
    pub(crate) may: fn(&Truth, Say) -> bool,
    pub(crate) must: fn(&Truth, Say) -> bool,
    /// It stands in every message, so nothing bars it.
    pub(crate) everywhere: bool,
}

const fn rule(name: &'static str, says: fn(&Told) -> bool, may: fn(&Truth, Say) -> bool, must: fn(&Truth, Say) -> bool) -> Rule {
    Rule { name, says, may, must, everywhere: false }
}

const fn always(name: &'static str, says: fn(&Told) -> bool) -> Rule {
    Rule { name, says, may: |_, _| true, must: |_, _| true, everywhere: true }
}

/// Words in which "contained" is no claim that the incident contains the target. Rules of their own are about some of them.
const NO_CLAIM: [&str; 17] = [
    "not contained",
    "not all contained",
    "not all is contained",
    "partly contained",
    "nothing was contained",
    "nothing more was contained",
    "nothing is contained",
    "contained only if you approve",
    "would be contained",
    "contained, not confirmed",
    "since it was contained",
    "no principal is contained",
    "keep what is contained; whether",
    "keep what is contained and contain the rest",
    "still contained",
    "what is contained stays so",
    "may keep it contained",
];

fn claims_containment(told: &Told) -> bool {
    NO_CLAIM.iter().fold(told.text.clone(), |text, words| text.replace(words, "")).contains("contained")
}

fn asks(say: Say) -> bool {
    matches!(say, Say::Ticket(_) | Say::Overdue)
}

fn approves(say: Say) -> bool {
    matches!(say, Say::Approved | Say::Accepted)
}

fn is_ticket(say: Say) -> bool {
    matches!(say, Say::Ticket(_))
}

/// Messages with a line for each target that says how it stands.
fn shows(say: Say) -> bool {
    looks(say) || is_ticket(say) || approves(say)
}

/// Messages after a look.
fn looks(say: Say) -> bool {
    matches!(say, Say::Outcome | Say::Alarm)
}

fn is_contained(truth: &Truth) -> bool {
    truth.holds == Holds::All
}

fn says(told: &Told, any: &[&str]) -> bool {
    any.iter().any(|words| told.text.contains(words))
}

pub(crate) const RULES: &[Rule] = &[
    // What holds.
    rule("contained", claims_containment, |t, _| is_contained(t), |t, say| is_contained(t) && say != Say::Released),
    rule(
        "it stays contained meanwhile",
        |told| says(told, &["stays so until somebody answers"]),
        |t, _| is_contained(t) && t.waits,
        |t, say| is_contained(t) && say == Say::Overdue,
    ),
    rule(
        "keep it contained",
        |told| says(told, &["attack, keep it contained"]),
        |t, _| is_contained(t),
        |t, say| is_contained(t) && asks(say),
    ),
    rule("in part", |told| says(told, &["partly contained"]), |t, _| t.holds == Holds::Part, |t, _| t.holds == Holds::Part),
    rule(
        "not confirmed",
        |told| says(told, &["contained, not confirmed"]),
        |t, _| t.unconfirmed,
        |t, say| t.unconfirmed && say != Say::Approved,
    ),
    rule(
        "what it stops and what not",
        |told| says(told, &["\n    stops: "]) && says(told, &["\n    goes on: "]),
        |t, _| is_contained(t),
        |t, say| is_contained(t) && shows(say),
    ),
    rule(
        "what was done",
        |told| says(told, &["denied everything by policy", "moved into the empty security group", "made inactive"]),
        |t, _| t.changed,
        |t, say| t.changed && matches!(t.holds, Holds::All | Holds::Part) && shows(say),
    ),
    rule(
        "nothing had to change",
        |told| says(told, &["nothing had to change"]),
        |t, _| t.before,
        |t, say| t.before && is_contained(t) && shows(say),
    ),
    // What does not hold.
    rule("NOT contained", |told| says(told, NOT_CONTAINED), |t, _| t.open, |t, say| t.open && t.short && say != Say::Opened),
    rule(
        "NOT contained, in the first lines",
        |told| NOT_CONTAINED.iter().any(|words| told.head.contains(words)),
        |t, _| t.open,
        |t, _| t.short,
    ),
    rule("it does not exist", |told| says(told, &["it does not exist"]), |t, _| t.gone, |t, _| t.gone),
    // What an approval does.
    rule(
        "only if you approve",
        |told| says(told, &["done only if you approve", "contained only if you approve"]),
        |t, _| t.gated && t.waits,
        |t, say| t.gated && asks(say),
    ),
    rule(
        "what an approval would stop and what not",
        |told| says(told, &["\n    would stop: "]) && says(told, &["\n    would go on: "]),
        |t, _| t.gated,
        |t, say| t.gated && is_ticket(say),
    ),
    rule(
        "an approval looks once more for what is gone",
        |told| says(told, &["look for it once more", "looks for it once more"]),
        |t, _| t.gone,
        |t, say| t.gone && asks(say),
    ),
    rule(
        "how to close what stays open",
        |told| says(told, &["--accept-open"]),
        |t, say| (t.failed || t.holds == Holds::Part) && asks(say),
        |t, say| (t.failed || t.holds == Holds::Part) && asks(say),
    ),
    rule(
        "an approval contains the rest",
        |told| says(told, &["keep what is contained and contain the rest"]),
        |t, say| (t.gated || t.holds == Holds::Part) && asks(say),
        |t, say| t.holds == Holds::Part && asks(say),
    ),
    // What a release does, or did.
    rule(
        "put it back",
        |told| says(told, &["wrong, put it back"]),
        |t, _| t.changed && t.holds != Holds::Nothing,
        |t, say| t.changed && matches!(t.holds, Holds::All | Holds::Part) && asks(say),
    ),
    rule(
        "nothing has to be put back",
        |told| says(told, &["nothing has to be put back"]),
        |t, _| t.holds == Holds::Nothing && !t.rehearsed,
        |t, say| t.holds == Holds::Nothing && !t.rehearsed && asks(say),
    ),
    rule(
        "released, in the subject",
        |told| told.subject.contains("released"),
        |t, _| t.put_back && !t.held_by_another,
        |t, say| t.put_back && say == Say::Released,
    ),
    rule(
        "still contained for another incident",
        |told| says(told, &["still contained"]),
        |t, _| t.held_by_another,
        |t, say| t.held_by_another && say == Say::Released,
    ),
    rule(
        "still contained for another incident, in the subject",
        |told| told.subject.contains(&format!("still contained for incident {OTHER}")),
        |t, say| t.held_by_another && say == Say::Released,
        |t, say| t.held_by_another && say == Say::Released,
    ),
    rule(
        "for which incident",
        |told| told.text.contains(&format!("still contained for incident {OTHER}")),
        |t, _| t.held_by_another,
        |t, say| t.held_by_another && say == Say::Released,
    ),
    rule(
        "somebody changed it",
        |told| says(told, &["changed by somebody"]),
        |t, _| t.drift,
        |t, say| t.drift && (is_ticket(say) || say == Say::Released),
    ),
    rule(
        "answer release again",
        |told| says(told, &["answer release again"]),
        |t, _| t.drift && t.waits,
        |t, say| t.drift && asks(say),
    ),
    // Who acts.
    rule(
        "a dry run, in the subject",
        |told| told.subject.starts_with("[firebreak] dry run"),
        |t, _| t.rehearsed,
        |t, _| t.rehearsed,
    ),
    rule(
        "responding, in the subject",
        |told| told.subject.contains("responding"),
        |t, say| t.acts && say == Say::Opened,
        |t, say| t.acts && say == Say::Opened,
    ),
    rule("automatically", |told| says(told, &[", automatically"]), |t, _| t.acts, |t, say| t.acts && say == Say::Opened),
    // What CloudTrail said.
    rule(
        "CloudTrail shows nothing",
        |told| says(told, &["nothing more was found", "nothing else", "shows nothing"]),
        |t, _| t.asked && !t.found,
        |t, say| t.asked && !t.found && is_ticket(say),
    ),
    rule(
        "CloudTrail says",
        |told| says(told, &["cloudtrail says, about the same credentials"]),
        |t, _| t.found,
        |t, say| t.found && (looks(say) || is_ticket(say)),
    ),
    rule(
        "more was found, in the subject",
        |told| told.subject.contains("more was found"),
        |t, say| !t.reverted && say == Say::Alarm,
        |t, say| !t.reverted && say == Say::Alarm,
    ),
    rule(
        "reverted",
        |told| says(told, &["reverted by somebody else than firebreak"]),
        |t, _| t.reverted,
        |t, say| t.reverted && (looks(say) || is_ticket(say)),
    ),
    rule(
        "reverted, in the subject",
        |told| told.subject.contains("critical, somebody reverted it"),
        |t, say| t.reverted && looks(say),
        |t, say| t.reverted && looks(say),
    ),
    rule(
        "CloudTrail was not asked",
        |told| says(told, &["cloudtrail was not asked"]),
        |t, _| !t.asked,
        |t, say| !t.asked && is_ticket(say),
    ),
    // What comes next.
    rule(
        "approved and closed, in the subject",
        |told| told.subject.contains("approved and closed"),
        |t, say| approves(say) && !t.open,
        |t, say| say == Say::Approved && !t.open && !t.rehearsed,
    ),
    rule(
        "the commands that answer",
        |told| says(told, &["firebreak review approve"]) && says(told, &["firebreak review release"]),
        |t, _| t.waits,
        |t, say| t.waits && asks(say),
    ),
    rule(
        "an answer is asked for later",
        |told| says(told, &["a ticket asks for your answer", "your answer is asked for"]),
        |t, _| t.next == Next::Asks,
        |t, say| t.next == Next::Asks && (say == Say::Opened || looks(say)),
    ),
    rule(
        "it asks again",
        |told| says(told, &["a ticket asks again"]),
        |t, _| t.next == Next::AsksAgain,
        |t, say| t.next == Next::AsksAgain && approves(say),
    ),
    rule(
        "no answer is asked for",
        |told| says(told, &["asks for no answer"]),
        |t, _| t.next == Next::Told,
        |t, _| t.next == Next::Told,
    ),
    rule(
        "it is over",
        |told| says(told, &["nothing is left to answer", "yours to contain", "decided with the other incident"]),
        |t, _| t.next == Next::Over,
        |t, _| t.next == Next::Over,
    ),
    // What every mail has.
    always("when", |told| says(told, &["\nwhen: first seen 2026-11-20 01:58:00 utc; incident opened 2026-11-20 02:05:00 utc"])),
    always("which target", |told| says(told, &["\ntarget: iam user svc-659353", "\ntarget: ec2 instance i-078f938ed16ec7acf"])),
    always("how it stands", |told| says(told, HOW_IT_STANDS)),
    always("what to do", |told| {
        says(told, &["firebreak review ", "asks for no answer", "a ticket asks", "this incident is closed"])
    }),
];

const NOT_CONTAINED: &[&str] = &["not contained", "not all contained"];

const HOW_IT_STANDS: &[&str] = &[
    "how it stands",
    "after the approval:",
    "what the release did:",
    "not contained:",
    "nothing was contained:",
    "firebreak has changed nothing",
];
