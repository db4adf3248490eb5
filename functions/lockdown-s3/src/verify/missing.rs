//! What a level must show, and what of that is missing.

use super::statements::{self, How, Misfit};
use crate::accusers::Accusers;
use crate::base::{BaseState, Part, PublicAccessBlock, Rules, Seen, Versioning};
use crate::rules::{name, to_disable};
use crate::statements::Around;
use crate::switches::LISTED;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::text::inert;
use firebreak_s3::levels::sids_of;

/// What a level must show.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) level: Scope,
    /// What is recorded; nothing: nobody knows what the containment wrote.
    pub(super) base: Option<&'a BaseState>,
    pub(super) around: Around<'a>,
    /// What the containment did.
    pub(super) receipt: &'a Result<Option<Receipt>, Fault>,
    /// Who accuses whom by now. Only of a freeze.
    pub(super) accusers: &'a Accusers,
}

/// What one read showed.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// What can be written again.
    pub(super) lost: Vec<Lost>,
    /// What else does not hold, or is not known.
    pub(super) problems: Vec<String>,
    /// What somebody made since and a person looks at.
    pub(super) notes: Vec<String>,
    /// Steps of the containment that S3 carried out without an answer: their receipt says that they failed.
    pub(super) made: Vec<StepName>,
}

/// A control that does not hold.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) control: Control,
    /// For people.
    pub(super) line: String,
    pub(super) cause: Cause,
}

/// Why a control does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It held, and somebody took it away.
    Reverted,
    /// The containment did not come to it.
    Late,
    /// CloudTrail did not show in time for the containment that it is part of the level.
    Learnt,
    /// The incident accuses more suspects by now.
    Grown,
    /// Nobody accuses some of the suspects any more.
    Freed,
}

/// A part of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Control {
    /// The statements of one step.
    Statements(StepKind),
    Block,
    CustomerKeys,
    Versioning,
    /// By its id.
    LifecycleRule(String),
    /// By its id.
    ReplicationRule(String),
}

impl Control {
    /// The step of the containment that writes it.
    pub(super) fn step(&self) -> StepName {
        match self {
            Self::Statements(kind) => (*kind).into(),
            Self::Block => StepKind::BlockPublicAccess.into(),
            Self::CustomerKeys => StepKind::BlockCustomerKeys.into(),
            Self::Versioning => StepKind::EnableVersioning.into(),
            Self::LifecycleRule(id) => name(StepKind::DisableLifecycleRule, id),
            Self::ReplicationRule(id) => name(StepKind::DisableReplicationRule, id),
        }
    }

    /// What a look did about it, in words for people.
    pub(super) fn again(&self) -> &'static str {
        match self {
            Self::LifecycleRule(_) | Self::ReplicationRule(_) => "switched off",
            _ => "written again",
        }
    }

    fn part(&self) -> Part {
        match self {
            Self::Statements(_) => Part::Policy,
            Self::Block => Part::PublicAccessBlock,
            Self::CustomerKeys => Part::Encryption,
            Self::Versioning => Part::Versioning,
            Self::LifecycleRule(_) => Part::Lifecycle,
            Self::ReplicationRule(_) => Part::Replication,
        }
    }
}

impl Wanted<'_> {
    /// What of the level `seen` does not show. What could not be read is a problem, and is not taken for missing.
    pub(super) fn missing(&self, seen: &Seen) -> Missing {
        let mut missing = Missing::default();
        let unread = parts_of(self.level).iter().filter_map(|part| seen.faults.get(part));
        missing.problems.extend(unread.map(|fault| fault.message.clone()));
        self.policy(seen, &mut missing);
        let is_read = |part| parts_of(self.level).contains(&part) && !seen.faults.contains_key(&part);
        if is_read(Part::PublicAccessBlock) && seen.base.public_access_block != Some(PublicAccessBlock::ALL) {
            self.lose(Control::Block, "the public access block is not fully on", &mut missing);
        }
        let blocked = seen.base.encryption.iter().flat_map(|encryption| &encryption.blocked).any(|kind| kind == "SSE-C");
        if is_read(Part::Encryption) && !blocked {
            self.lose(Control::CustomerKeys, "keys that a caller holds (SSE-C) are not refused", &mut missing);
        }
        if is_read(Part::Versioning) && seen.base.versioning != Versioning::Enabled {
            self.lose(Control::Versioning, "versioning is off", &mut missing);
        }
        if is_read(Part::Lifecycle) {
            let (now, recorded) = (seen.base.lifecycle.as_ref(), self.base.and_then(|base| base.lifecycle.as_ref()));
            self.rules(&OfKind { word: "lifecycle", control: Control::LifecycleRule, now, recorded }, &mut missing);
        }
        if is_read(Part::Replication) {
            let (now, recorded) = (seen.base.replication.as_ref(), self.base.and_then(|base| base.replication.as_ref()));
            self.rules(&OfKind { word: "replication", control: Control::ReplicationRule, now, recorded }, &mut missing);
        }
        missing.made = self.made(seen, &missing.lost);
        missing
    }

    /// Planned controls that are there, although the containment got no answer about them. A release goes by the receipt, and would leave
    /// them. What S3 refused is not among them: if that is there, somebody else made it.
    fn made(&self, seen: &Seen, lost: &[Lost]) -> Vec<StepName> {
        let (Some(base), Ok(Some(receipt))) = (self.base, self.receipt) else { return vec![] };
        let is_unanswered = |step: &&Step| {
            let is_passing = step.error.as_ref().is_some_and(|why| why.kind == FaultKind::Transient);
            step.outcome == Outcome::Failed && is_passing
        };
        let unanswered: Vec<&StepName> = receipt.steps.iter().filter(is_unanswered).map(|step| &step.name).collect();
        let planned = &base.planned;
        let settings = [
            (Control::Block, planned.block || self.level.is_whole()),
            (Control::CustomerKeys, planned.encryption),
            (Control::Versioning, planned.versioning),
        ];
        let settings = settings.into_iter().filter_map(|(control, is_planned)| is_planned.then_some(control));
        let expiring = planned.lifecycle.iter().cloned().map(Control::LifecycleRule);
        let copying = planned.replication.iter().cloned().map(Control::ReplicationRule);
        let is_there = |control: &Control| {
            let is_read = parts_of(self.level).contains(&control.part()) && !seen.faults.contains_key(&control.part());
            is_read && !lost.iter().any(|one| one.control == *control)
        };
        let there = settings.chain(expiring).chain(copying).filter(is_there).map(|control| control.step());
        there.filter(|name| unanswered.contains(&name)).collect()
    }

    fn policy(&self, seen: &Seen, missing: &mut Missing) {
        if !parts_of(self.level).contains(&Part::Policy) || seen.faults.contains_key(&Part::Policy) {
            return;
        }
        let document = match &seen.document {
            Ok(document) => document,
            Err(fault) => return missing.problems.push(fault.message.clone()),
        };
        let Some(base) = self.base else {
            let is_bare = document.without(sids_of(self.level)).is_same(document);
            let line = is_bare.then(|| "no statement of this level is in the bucket policy".to_owned());
            return missing.problems.extend(line);
        };
        if statements::is_out_of_reach(self.level, &self.around, (base, document)) {
            let why = "when the bucket was closed its policy could not be read or had no room, and looks do not write them";
            return missing.problems.push(format!("no statement of this level is in the bucket policy: {why}"));
        }
        match statements::misfits(self.level, &self.around, (base, document)) {
            Ok(all) => missing.lost.extend(all.into_iter().map(|misfit| self.lost_statements(misfit))),
            Err(fault) => missing.problems.push(fault.message),
        }
        missing.problems.extend(statements::unwritable(self.level, &self.around, (base, document)));
        let unwritten = statements::unwritten(self.level, &self.around, (base, document)).unwrap_or_default();
        let unwritten = unwritten.iter().filter(|(kind, _)| !self.is_left_out(*kind));
        missing.problems.extend(unwritten.map(|(_, line)| line.clone()));
    }

    /// Whether the containment left the statements of a step out on purpose.
    fn is_left_out(&self, kind: StepKind) -> bool {
        let name = StepName::from(kind);
        let is_skipped = |step: &Step| step.name == name && step.outcome == Outcome::Skipped;
        self.receipt.as_ref().is_ok_and(|known| known.as_ref().is_some_and(|receipt| receipt.steps.iter().any(is_skipped)))
    }

    /// What the containment never wrote nobody reverted, and whoever is new is new in any case.
    fn lost_statements(&self, Misfit { kind, line, how }: Misfit) -> Lost {
        let control = Control::Statements(kind);
        let was_written = self.base.is_some_and(|base| !base.planned.sids.is_empty());
        let cause = match how {
            How::Grown => Cause::Grown,
            How::Freed => Cause::Freed,
            How::PutIn => Cause::Reverted,
            How::TakenAway if !was_written => Cause::Late,
            How::TakenAway => self.cause_of(&control),
        };
        Lost { control, line, cause }
    }

    /// Somebody took it away, or the containment did not come to it. Without a record of how it was it is left.
    fn lose(&self, control: Control, line: &str, missing: &mut Missing) {
        if self.base.is_some_and(|base| base.unknown.contains(&control.part())) {
            missing.problems.push(format!("{line}; how it was could not be read before, so it is left"));
            return;
        }
        let (line, cause) = (line.to_owned(), self.cause_of(&control));
        missing.lost.push(Lost { control, line, cause });
    }

    /// A run that was killed has no receipt, or one without steps: nobody reverted what it did not come to. Of very many rules a receipt
    /// lists the first ones.
    fn cause_of(&self, control: &Control) -> Cause {
        let name = control.step();
        let is_held = |receipt: &Receipt| {
            let of_kind = || receipt.steps.iter().filter(|step| step.kind() == name.kind());
            let is_listed = of_kind().any(|step| step.name == name) || of_kind().count() <= LISTED;
            let holds = |step: &Step| matches!(step.outcome, Outcome::Applied | Outcome::Already);
            of_kind().any(|step| holds(step) && (step.name == name || !is_listed))
        };
        let is_late = self.receipt.as_ref().is_ok_and(|known| known.as_ref().is_none_or(|receipt| !is_held(receipt)));
        if is_late { Cause::Late } else { Cause::Reverted }
    }

    /// Planned rules must be off. Of the others, [`Scope::Destruction`] wants off whatever takes data away, and a release leaves those off;
    /// for a freeze people are told what came since.
    fn rules(&self, of: &OfKind<'_>, missing: &mut Missing) {
        let OfKind { word, control, now, recorded } = of;
        let Some(now) = now else { return };
        let unwanted = to_disable(self.level, now, None);
        for rule in now.rules.iter().filter(|rule| rule.enabled) {
            let (shown, control) = (inert(&rule.id, 100), control(rule.id.clone()));
            let is_recorded = self.base.is_some_and(|base| !base.unknown.contains(&control.part()));
            let is_known = recorded.and_then(|recorded| recorded.rule(&rule.id)).is_some_and(|known| known == rule);
            if self.is_planned(&control) || unwanted.contains(&rule.id) && !is_recorded {
                self.lose(control, &format!("{word} rule {shown} is on"), missing);
            } else if unwanted.contains(&rule.id) {
                let line = format!("{word} rule {shown} came or was switched on since, and a release leaves it off");
                missing.lost.push(Lost { control, line, cause: Cause::Reverted });
            } else if self.level == Scope::Freeze && rule.expires && is_recorded && !is_known {
                let line = format!("{word} rule {shown} takes data away and was made or changed since: a freeze leaves it on");
                missing.notes.push(line);
            }
        }
    }

    fn is_planned(&self, control: &Control) -> bool {
        self.base.is_some_and(|base| match control {
            Control::LifecycleRule(id) => base.planned.lifecycle.contains(id),
            Control::ReplicationRule(id) => base.planned.replication.contains(id),
            _ => false,
        })
    }
}

/// The rules of one kind.
struct OfKind<'a> {
    word: &'static str,
    control: fn(String) -> Control,
    now: Option<&'a Rules>,
    recorded: Option<&'a Rules>,
}

/// The parts of a bucket that a level changes.
fn parts_of(level: Scope) -> &'static [Part] {
    match level {
        Scope::Freeze => {
            &[Part::Policy, Part::PublicAccessBlock, Part::Encryption, Part::Versioning, Part::Lifecycle, Part::Replication]
        }
        Scope::Destruction => &[Part::Policy, Part::Lifecycle, Part::Replication],
        Scope::Seal => &[Part::Policy],
        _ => &[Part::PublicAccessBlock],
    }
}
