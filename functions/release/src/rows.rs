//! At which of the ledger's rows an incident holds the target of a decision.

use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::holders::Holders;
use firebreak::ids::{IncidentId, PrincipalId};
use firebreak::target::{Target, TargetKind};
use firebreak_ledger::{Held, Row};
use std::collections::BTreeSet;

/// What the rows say.
pub(crate) struct Found {
    /// Whom the incident holds, each with its rows. Never empty.
    pub(crate) principals: Vec<Principal>,
    /// Credentials that a suspect made and that stay inactive, whichever row has them.
    pub(crate) exposed: Vec<String>,
    /// The row by name is about somebody else, and nothing says whom the incident meant.
    pub(crate) is_strangers: bool,
    /// The target where a finding that joined is being contained.
    pub(crate) under_way: Option<Target>,
    /// A user under keys at which the incident holds nothing.
    pub(crate) unheld: Vec<Target>,
}

/// One principal. The first row is the one to release; it has a base, if any of them has one.
pub(crate) struct Principal {
    pub(crate) rows: Vec<Target>,
    /// The decision goes by a name, and this principal's record by its id.
    by_id: bool,
}

impl Principal {
    /// What a release of it is about: the decision's target, unless that one's row is about somebody else.
    pub(crate) fn target<'a>(&'a self, decided: &'a Target) -> &'a Target {
        self.rows.first().filter(|_| self.by_id).unwrap_or(decided)
    }
}

impl Found {
    /// One principal in these rows.
    pub(crate) fn of(rows: Vec<Target>) -> Self {
        let principals = vec![Principal { rows, by_id: false }];
        Self { principals, exposed: vec![], is_strangers: false, under_way: None, unheld: vec![] }
    }

    /// What the incident holds `among` these rows of a decision about `target`.
    pub(crate) fn among(rows: Vec<(Target, Row)>, holders: &Holders<'_>, target: &Target, containment: Containment) -> Self {
        let exposed = rows.iter().flat_map(|(_, row)| row.exposed.iter().cloned()).collect();
        // A row by the name can be about somebody else who had it.
        let id = target.principal_id.as_ref().map(PrincipalId::as_str).filter(|_| containment == Containment::QuarantineIam);
        let is_other = |row: &Row| id.zip(row.identity.as_deref()).is_some_and(|(id, known)| id != known);
        let is_ours = |row: &Row| is_held(row, holders);
        let is_own = |name: &String| names(holders).any(|own| own == name);
        let under_way = rows.iter().find(|(_, row)| row.containing.iter().any(is_own)).map(|(form, _)| form.clone());
        // A finding that joined marks the row of its decision first.
        let forms = if is_renamable(target, containment) { distinct(target, containment) } else { vec![] };
        let is_form = |row: &Target| forms.iter().any(|form| form.scoped_key() == row.scoped_key());
        let unheld = rows.iter().filter(|(form, row)| is_form(form) && !is_ours(row)).map(|(form, _)| form.clone()).collect();
        let (mut held, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| is_ours(row) && !is_other(row));
        let is_strangers = is_renamable(target, containment)
            && held.iter().any(|(form, row)| form.is_by_name() && is_anothers(row, holders, target));
        held.sort_by_key(|(form, row)| (!row.has_base(), row.identity.is_none() && form.principal_id.is_none()));
        let mut principals: Vec<(Option<String>, Principal)> = Vec::new();
        for (form, row) in held {
            let identity = row.identity.or_else(|| form.principal_id.as_ref().map(ToString::to_string));
            // Without an identity it is a mark of the same decision, and goes with whoever comes first.
            let its = principals.iter_mut().find(|(known, _)| identity.is_none() || known.is_none() || *known == identity);
            if let Some((_, principal)) = its {
                principal.rows.push(form);
                continue;
            }
            let by_id = target.principal_id.is_none() && form.principal_id.is_some();
            principals.push((identity, Principal { rows: vec![form], by_id }));
        }
        if principals.is_empty() {
            // An earlier run can have let go of it.
            let before = rest.into_iter().find(|(_, row)| row.released_by.iter().any(|name| name == holders.own().as_str()));
            let before = Self::of(before.into_iter().map(|(form, _)| form).collect());
            return Self { exposed, is_strangers, under_way, unheld, ..before };
        }
        let principals = principals.into_iter().map(|(_, principal)| principal).collect();
        Self { principals, exposed, is_strangers, under_way, unheld }
    }
}

/// Decisions about parts of one principal together, also under two names of it.
pub(crate) fn grouped<'a>(targets: impl Iterator<Item = (Containment, &'a Decision)>) -> Vec<Vec<(Containment, &'a Decision)>> {
    let mut groups: Vec<Vec<(Containment, &Decision)>> = Vec::new();
    for (containment, decision) in targets {
        let is_its = |group: &Vec<(Containment, &Decision)>| group.iter().any(|(_, d)| d.target.is_one_with(&decision.target));
        // A decision can show that two groups are one.
        let (its, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_its);
        groups = others;
        groups.push(its.into_iter().flatten().chain([(containment, decision)]).collect());
    }
    groups.sort_by_cached_key(|group| group.first().map(|(_, decision)| decision.target.ledger_key()));
    groups
}

/// The target under each key that the ledger can have for it, each row once.
pub(crate) fn distinct(target: &Target, containment: Containment) -> Vec<Target> {
    let mut rows: Vec<Target> = Vec::new();
    for form in target.forms() {
        if !rows.iter().any(|row| Held { target: row, containment }.key() == Held { target: &form, containment }.key()) {
            rows.push(form);
        }
    }
    rows
}

/// Whether the name of the target can mean somebody else later.
pub(crate) fn is_renamable(target: &Target, containment: Containment) -> bool {
    containment == Containment::QuarantineIam && target.kind == TargetKind::IamUser
}

/// The rows, by immutable id, of those whom the incident saw under the name, and of whom a row is that it holds: an earlier version noted
/// in no row by name whom it saw.
pub(crate) fn led_to(known: &[(Target, Row)], holders: &Holders<'_>, target: &Target) -> Vec<Target> {
    let is_own = |name: &str| names(holders).any(|own| own == name);
    let is_unsure = target.kind == TargetKind::IamUser && target.principal_id.is_none();
    let about = |row: &Row| {
        let id = row.identity.as_deref().filter(|_| is_unsure && is_held(row, holders))?;
        PrincipalId::parse(id).ok()
    };
    let about = known.iter().filter_map(|(_, row)| about(row));
    let about = about.map(|id| Target { principal_id: Some(id), by_identity: true, ..target.clone() });
    let mut rows: Vec<Target> = Vec::new();
    for row in known.iter().flat_map(|(_, row)| row.leads(is_own, target)).chain(about) {
        let is_known = known.iter().map(|(form, _)| form).chain(&rows).any(|other| other.scoped_key() == row.scoped_key());
        if !is_known {
            rows.push(row);
        }
    }
    rows
}

/// Who else holds the rows that the incident holds, or those of the ids under its name.
pub(crate) fn others(known: &[(Target, Row)], holders: &Holders<'_>) -> Vec<IncidentId> {
    let meant = known.iter().filter(|(form, row)| !form.is_by_name() || is_held(row, holders));
    let others = meant.flat_map(|(_, row)| &row.holders).filter(|name| names(holders).all(|own| own != name.as_str()));
    let others: BTreeSet<&String> = others.collect();
    others.into_iter().filter_map(|name| IncidentId::parse(name).ok()).collect()
}

fn is_held(row: &Row, holders: &Holders<'_>) -> bool {
    names(holders).any(|name| row.holders.iter().any(|holder| holder == name))
}

fn names<'a>(holders: &'a Holders<'_>) -> impl Iterator<Item = &'a str> {
    holders.names().map(IncidentId::as_str)
}

/// Whether a row that the incident marked is about somebody whom others hold and the incident never recorded.
fn is_anothers(row: &Row, holders: &Holders<'_>, target: &Target) -> bool {
    let is_own = |holder: &str| names(holders).any(|name| name == holder);
    let is_recorded = row.principals.iter().any(|(holder, _)| is_own(holder)) || row.captured_by.as_deref().is_some_and(is_own);
    let is_shared = row.identity.is_some() && row.holders.iter().any(|holder| !is_own(holder));
    target.principal_id.is_none() && is_shared && !is_recorded
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::ids::{AccountId, Partition, Region};
    use firebreak::target::Place;

    const SUSPECT: &str = "AIDAEXAMPLESUSPECT001";
    const VICTIM: &str = "AIDAEXAMPLEVICTIM0001";

    fn alice() -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target::new(TargetKind::IamUser, "alice", place)
    }

    fn by_id(id: &str) -> Target {
        Target { principal_id: PrincipalId::parse(id).ok(), ..alice() }
    }

    fn row(identity: &str, holders: &[&IncidentId], seen: &[(&IncidentId, &str)]) -> Row {
        let mut row = Row::default();
        row.identity = Some(identity.to_owned());
        row.holders = holders.iter().map(ToString::to_string).collect();
        row.principals = seen.iter().map(|(holder, id)| (holder.to_string(), (*id).to_owned())).collect();
        row
    }

    /// The rows of the principals, by their keys.
    fn keys(found: &Found) -> Vec<Vec<String>> {
        found.principals.iter().map(|principal| principal.rows.iter().map(Target::ledger_key).collect()).collect()
    }

    #[test]
    fn a_decision_by_name_is_released_from_the_rows_of_whom_its_incident_saw() {
        let (one, two) = (IncidentId::of("one"), IncidentId::of("two"));
        let (quarantine, holders) = (Containment::QuarantineIam, Holders::of(&two));
        let name = alice().ledger_key();
        let [suspect, victim] = [SUSPECT, VICTIM].map(|id| by_id(id).ledger_key());
        // The row by the name is the suspect's, whom the other incident holds.
        let theirs = (alice(), row(SUSPECT, &[&one], &[(&two, VICTIM)]));
        let led = led_to(std::slice::from_ref(&theirs), &holders, &alice());
        assert_eq!(led.iter().map(Target::ledger_key).collect::<Vec<_>>(), std::slice::from_ref(&victim));
        let found = Found::among(vec![theirs, (by_id(VICTIM), row(VICTIM, &[&two], &[]))], &holders, &alice(), quarantine);
        assert_eq!((keys(&found), found.is_strangers), (vec![vec![victim.clone()]], false));
        assert_eq!(found.principals[0].target(&alice()).ledger_key(), victim, "a release is about the victim");
        // It held both.
        let both = (alice(), row(SUSPECT, &[&one, &two], &[(&two, SUSPECT), (&two, VICTIM)]));
        let rows = vec![both, (by_id(SUSPECT), row(SUSPECT, &[&two], &[])), (by_id(VICTIM), row(VICTIM, &[&two], &[]))];
        let found = Found::among(rows, &holders, &alice(), quarantine);
        assert_eq!((keys(&found), found.is_strangers), (vec![vec![name.clone(), suspect], vec![victim]], false));
        // It was killed before it recorded whom it had denied.
        let marked = (alice(), row(SUSPECT, &[&one, &two], &[(&one, SUSPECT)]));
        let found = Found::among(vec![marked], &holders, &alice(), quarantine);
        assert_eq!((keys(&found), found.is_strangers), (vec![vec![name]], true));
    }

    #[test]
    fn a_row_by_name_that_the_incident_does_not_hold_is_closed_to_findings_that_joined() {
        let (one, two, finding) = (IncidentId::of("one"), IncidentId::of("two"), IncidentId::of("a finding"));
        let (quarantine, holders) = (Containment::QuarantineIam, Holders::of(&two).with([&finding]));
        let found = |theirs: Row| {
            let rows = vec![(alice(), theirs), (by_id(VICTIM), row(VICTIM, &[&two], &[]))];
            Found::among(rows, &holders, &alice(), quarantine)
        };
        let theirs = || row(SUSPECT, &[&one], &[(&two, VICTIM)]);
        assert_eq!(found(theirs()).unheld, [alice()], "and no row of an id");
        assert_eq!(found(theirs()).under_way, None);
        let mut contained = theirs();
        contained.containing = vec![finding.to_string()];
        assert_eq!(found(contained).under_way, Some(alice()), "it has left the row and goes on in another one");
        assert_eq!(found(row(SUSPECT, &[&one, &finding], &[])).unheld, [], "it is let go of");
    }

    #[test]
    fn of_whom_a_row_is_that_the_incident_holds_the_row_by_id_is_read_too() {
        let (one, two) = (IncidentId::of("one"), IncidentId::of("two"));
        let held = (alice(), row(SUSPECT, &[&one], &[]));
        let led = |holder: &IncidentId| led_to(std::slice::from_ref(&held), &Holders::of(holder), &alice());
        assert_eq!(led(&one), [by_id(SUSPECT)]);
        assert_eq!(led(&two), []);
        let both = [held.clone(), (by_id(SUSPECT), row(SUSPECT, &[&one, &two], &[]))];
        assert_eq!(others(&both, &Holders::of(&one)), std::slice::from_ref(&two));
        assert_eq!(others(&both, &Holders::of(&two)), [one]);
    }
}
