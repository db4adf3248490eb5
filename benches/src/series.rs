//! What is measured: which program contains what, how its process starts, and how late its calls are answered.

use firebreak_drill::{Depths, PlantedSubject, Result, Run, Stage, Subject};
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

/// Injected before each call, in milliseconds.
const DELAYS: [u32; 3] = [0, 50, SLOWEST];
/// The latency that is compared.
pub(crate) const SLOWEST: u32 = 100;
/// Runs of each series.
pub(crate) const RUNS: usize = 7;
/// The article's function runs in place of this one.
const FUNCTION: &str = "firebreak-quarantine-iam";

/// Whose handler contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Firebreak,
    /// The article's handler, as the article has it: in the account of the user.
    Article,
    /// The same, for a user of another account: it assumes a role there, as Firebreak does.
    ArticleAcross,
}

/// How the process of a run comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It has answered before.
    Warm,
    /// The run starts the process.
    Cold,
}

/// Runs that differ in nothing but their target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) program: Program,
    pub(crate) subject: Subject,
    pub(crate) start: Start,
    pub(crate) delay: u32,
}

/// What became of a series.
pub(crate) struct Measured {
    pub(crate) series: Series,
    pub(crate) depths: Depths,
    /// Milliseconds until the deny, at best.
    pub(crate) denied: Option<f64>,
    /// Milliseconds until the answer, the least first.
    answered: Vec<f64>,
}

impl Measured {
    pub(crate) fn best(&self) -> f64 {
        self.answered.first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn median(&self) -> f64 {
        self.answered.get(self.answered.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Runs every series. Says on standard error what it does: it takes two minutes.
pub(crate) async fn measure_all(stage: &Stage) -> Result<Vec<Measured>> {
    let all = all();
    let mut measured = Vec::new();
    for (at, series) in all.iter().enumerate() {
        eprintln!("{} of {}: {series:?}", at + 1, all.len());
        measured.push(series.measure(stage, at * (RUNS + 1)).await?);
    }
    Ok(measured)
}

fn all() -> Vec<Series> {
    let mut all = Vec::new();
    for subject in Subject::ALL {
        for start in [Start::Warm, Start::Cold] {
            for delay in DELAYS {
                // One after the other: the local AWS has as many users for each.
                let series = Program::ALL.map(|program| Series { program, subject, start, delay });
                all.extend(series.into_iter().filter(|series| series.program.contains(subject) && series.is_worth_its_time()));
            }
        }
    }
    all
}

impl Program {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Firebreak, Self::Article, Self::ArticleAcross];

    /// How people call it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Firebreak => "Firebreak",
            Self::Article => "the article's",
            Self::ArticleAcross => "the article's, across accounts",
        }
    }

    /// The article's handler contains users only.
    fn contains(self, subject: Subject) -> bool {
        self == Self::Firebreak || matches!(subject, Subject::UserWithOneKey | Subject::User)
    }

    /// Makes the next run start a new process of this program.
    fn put_in_place(self, stage: &Stage) -> Result<()> {
        let program = fixture::repository().join(match self {
            // As it is deployed: what is measured is not the absence of an optimizer.
            Self::Firebreak => "target/release/quarantine-iam",
            Self::Article | Self::ArticleAcross => "benches/article/bootstrap",
        });
        let program = Some(program.to_str().ok_or("a path that is not text")?);
        Ok(stage.aws.replace_function(FUNCTION, program)?)
    }

    fn request(self, planted: &PlantedSubject) -> Value {
        match self {
            Self::Firebreak => planted.request(),
            Self::Article | Self::ArticleAcross => {
                let front = format!("arn:aws:iam::{SECURITY_ACCOUNT}");
                let role = (self == Self::ArticleAcross).then(|| format!("{front}:role/responder"));
                let finding = json!({ "Resources": [{ "Id": format!("{front}:user/{}", planted.name) }] });
                json!({ "finding": finding, "jira_ticket": "IR-1", "role": role })
            }
        }
    }
}

impl Series {
    /// A process starts alike whatever it contains: only the article's case is started with every latency.
    fn is_worth_its_time(self) -> bool {
        self.start == Start::Warm || self.delay == SLOWEST || self.subject == Subject::UserWithOneKey
    }

    async fn measure(self, stage: &Stage, first: usize) -> Result<Measured> {
        self.program.put_in_place(stage)?;
        if self.start == Start::Warm {
            self.run(stage, first).await?;
        }
        stage.aws.plan_faults(&json!([{ "match": ".*", "function": FUNCTION, "delay_ms": self.delay, "times": 0 }]))?;
        let (mut depths, mut denied, mut answered): (Option<Depths>, Option<f64>, Vec<f64>) = (None, None, Vec::new());
        for number in 1..=RUNS {
            if self.start == Start::Cold {
                self.program.put_in_place(stage)?;
            }
            let (planted, run) = self.run(stage, first + number).await?;
            let found = planted.depths(&run);
            depths = Some(depths.map_or(found, |known| known.least(found)));
            denied = denied.into_iter().chain(run.ms_until(self.subject.denies())).reduce(f64::min);
            answered.push(run.ms);
        }
        stage.aws.plan_faults(&json!([]))?;
        answered.sort_by(f64::total_cmp);
        Ok(Measured { series: self, depths: depths.ok_or("no run")?, denied, answered })
    }

    async fn run(self, stage: &Stage, number: usize) -> Result<(PlantedSubject, Run)> {
        let planted = PlantedSubject::plant(stage, self.subject, number).await?;
        let run = Run::of(stage, "quarantine-iam", &self.program.request(&planted)).await?;
        if run.answer["status"] == "contained" { Ok((planted, run)) } else { Err(format!("{self:?}: {}", run.answer).into()) }
    }
}
