//! What would be decided about the findings of a folder, as a table of types: at the severities from which policy may act.

use super::batch::{files_to_plan, named};
use super::read;
use crate::CommandError;
use firebreak::decision::{Decision, Mode};
use firebreak::finding::SeverityBand;
use firebreak::plan::{Circumstances, FindingSummary, Plan, Verdict, plan_file};
use firebreak::policy::{AutoFrom, Budget, Policy};
use firebreak::rollout::{Entry, Hour, Line, rollout};
use firebreak::target::Target;
use firebreak::text::inert;
use firebreak_aws::clock;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// What was decided about findings at one `auto_from`. Where the account is observed or rehearses: what mode `auto` would do.
#[derive(Default)]
struct Decided {
    contained: usize,
    gated: usize,
    evidence: usize,
    told: usize,
    ignored: usize,
    decisions: BTreeMap<String, usize>,
}

/// The findings of one type.
#[derive(Default)]
struct Row {
    findings: usize,
    at: BTreeMap<SeverityBand, Decided>,
}

/// Everything that the table is about.
struct Table {
    rows: BTreeMap<String, Row>,
    all: Row,
    /// Something in it is what mode `auto` would do.
    is_rehearsed: bool,
    /// Names of files that are no JSON.
    unreadable: Vec<String>,
    /// What policy itself decides about each finding.
    plans: Vec<Plan>,
}

/// Writes the table. Files that are no JSON are counted and named, and are no error: a folder may hold them on purpose.
pub(super) fn write(folder: &Path, to: &Path, policy: &Policy) -> Result<(), CommandError> {
    // What policy says, and the two ends between which people choose.
    let bands = BTreeSet::from([SeverityBand::Low, SeverityBand::High, policy.auto_from.0]);
    let policies: Vec<Policy> = bands.into_iter().map(|band| Policy { auto_from: AutoFrom(band), ..policy.clone() }).collect();
    let (own, budget) = (policy.auto_from, &policy.budget);
    let mut table = Table { rows: BTreeMap::new(), all: Row::default(), is_rehearsed: false, unreadable: vec![], plans: vec![] };
    for path in files_to_plan(folder)? {
        let name = || path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let Ok(bytes) = read(&path) else {
            table.unreadable.push(name());
            continue;
        };
        for policy in &policies {
            let Ok(plan) = plan_file(&bytes, &Circumstances::new(policy, clock::now())) else {
                table.unreadable.push(name());
                break;
            };
            table.add(&plan, policy.auto_from.0);
            if policy.auto_from == own {
                table.plans.extend(if plan.findings.is_empty() { vec![plan] } else { plan.findings });
            }
        }
    }
    std::fs::write(to, table.markdown() + &table.rollout(own, budget))
        .map_err(|error| CommandError::Input(format!("cannot write the report {}: {error}", to.display())))?;
    table.print();
    println!("table: {}", to.display());
    Ok(())
}

impl Table {
    fn add(&mut self, plan: &Plan, band: SeverityBand) {
        let parts = if plan.findings.is_empty() { std::slice::from_ref(plan) } else { &plan.findings };
        for part in parts {
            let kind = part.finding.finding_type.as_deref().unwrap_or("(no finding that can be read)");
            let row = self.rows.entry(inert(kind, 100)).or_default();
            row.at.entry(band).or_default().count(part);
            self.all.at.entry(band).or_default().count(part);
            row.findings = row.at.values().map(Decided::findings).max().unwrap_or_default();
            self.is_rehearsed |= part.decisions.iter().any(|decision| decision.would.is_some());
        }
        self.all.findings = self.all.at.values().map(Decided::findings).max().unwrap_or_default();
    }

    fn print(&self) {
        println!("{} findings of {} types", self.all.findings, self.rows.len());
        for (band, decided) in &self.all.at {
            let Decided { contained, gated, evidence, told, ignored, .. } = decided;
            let band = AutoFrom(*band).name();
            println!(
                "  auto_from {band}: contained {contained}, gated {gated}, told with evidence {evidence}, told {told}, ignored {ignored}"
            );
        }
        if self.is_rehearsed {
            println!("  {REHEARSED}");
        }
        if !self.unreadable.is_empty() {
            println!("{} file(s) not JSON: {}", self.unreadable.len(), named(&self.unreadable));
        }
    }

    fn markdown(&self) -> String {
        let mut out = String::from(
            "# Finding types and decisions\n\nContained / gated / told with evidence / told / ignored, by `auto_from`.\n",
        );
        if self.is_rehearsed {
            let _ = writeln!(out, "{REHEARSED}.");
        }
        let bands: Vec<&str> = self.all.at.keys().map(|band| AutoFrom(*band).name()).collect();
        let columns = bands.iter().map(|band| format!(" {band} | {band}: decisions |")).collect::<String>();
        let _ = writeln!(out, "\n| type | findings |{columns}\n|---|---:|{}", "---:|---|".repeat(bands.len()));
        let total = "all".to_owned();
        for (kind, row) in std::iter::once((&total, &self.all)).chain(&self.rows) {
            let kind = code(kind);
            let cells: String =
                self.all.at.keys().map(|band| row.at.get(band).map_or_else(String::new, Decided::cells)).collect();
            let _ = writeln!(out, "| {kind} | {} |{cells}", row.findings);
        }
        if !self.unreadable.is_empty() {
            let names: Vec<String> = self.unreadable.iter().map(|name| code(name)).collect();
            let _ = writeln!(out, "\nNot JSON: {}", names.join(", "));
        }
        out
    }
}

impl Table {
    /// What would be contained at once under policy itself: which targets, and how many within an hour.
    fn rollout(&self, own: AutoFrom, budget: &Budget) -> String {
        let entries = self.plans.iter().flat_map(|plan| {
            let FindingSummary { finding_type, updated_at, .. } = &plan.finding;
            let (key, kind) = (plan.dedupe_key.as_str(), finding_type.as_deref().unwrap_or("unknown finding"));
            let entry = |decision| Entry { at: *updated_at, incident: key, finding: key, kind, decision, status: None };
            plan.decisions.iter().map(entry).collect::<Vec<_>>()
        });
        let rollout = rollout(entries, budget);
        let mut out = format!("\n# Contained at once, at `auto_from` {}\n\n", own.name());
        out.push_str("| account | containment | type | findings | targets |\n|---|---|---|---:|---|\n");
        for Line { account, containment, kind, findings, targets } in &rollout.at_once {
            let what = containment.map_or("by hand", |containment| containment.name());
            let _ = writeln!(out, "| {account} | {what} | {} | {findings} | {} |", code(kind), few(targets));
        }
        out.push_str(
            "\n# Fullest hours\n\n| account | budget | hour (UTC) | targets | over the budget |\n|---|---|---|---:|---:|\n",
        );
        for Hour { account, budget, hour, targets, over_budget, .. } in &rollout.hours {
            let hour = hour.map_or_else(|| "unknown".to_owned(), |hour| hour.strftime("%Y-%m-%d %H:00").to_string());
            let _ = writeln!(out, "| {account} | {budget} | {hour} | {targets} | {over_budget} |");
        }
        out
    }
}

/// A sender's text as code: it is neither a link nor a tag, and no bar ends the cell.
fn code(text: &str) -> String {
    format!("`{}`", inert(text, 128).replace(['|', '`'], " "))
}

/// A few targets, and how many more there are.
fn few(targets: &[Target]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = targets.iter().take(NAMED).map(|target| code(&target.to_string())).collect();
    let more = targets.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

const REHEARSED: &str = "Accounts in mode observe or dry-run are counted as if they were in mode auto";

impl Decided {
    fn findings(&self) -> usize {
        self.contained + self.gated + self.evidence + self.told + self.ignored
    }

    fn count(&mut self, plan: &Plan) {
        let is = |mode| plan.decisions.iter().any(|decision| decision.would.unwrap_or(decision.mode) == mode);
        let counted = match plan.verdict {
            Verdict::Ignore => &mut self.ignored,
            _ if is(Mode::Auto) => &mut self.contained,
            _ if is(Mode::Gate) => &mut self.gated,
            _ if plan.evidence => &mut self.evidence,
            _ => &mut self.told,
        };
        *counted += 1;
        for decision in &plan.decisions {
            *self.decisions.entry(name(decision)).or_default() += 1;
        }
    }

    fn cells(&self) -> String {
        let Self { contained, gated, evidence, told, ignored, decisions } = self;
        let decisions: Vec<String> = decisions.iter().map(|(what, n)| format!("{what} ×{n}")).collect();
        format!(" {contained} / {gated} / {evidence} / {told} / {ignored} | {} |", decisions.join("; "))
    }
}

fn name(decision: &Decision) -> String {
    let mode = decision.would.unwrap_or(decision.mode);
    let when = match mode {
        Mode::Auto => "automatically",
        Mode::Gate => "if approved",
        Mode::Notify => "information only",
    };
    match decision.containment {
        Some(containment) => format!("{containment} {when}"),
        None if mode == Mode::Gate => format!("{} for a person, needs an answer", decision.target.kind.name()),
        None => format!("{} for a person, {when}", decision.target.kind.name()),
    }
}
