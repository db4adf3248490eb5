//! What a person sees while AWS works: spinners in a terminal, plain lines in a pipe.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Where progress goes.
pub struct Screen {
    bars: Option<MultiProgress>,
    quiet: bool,
}

/// One thing that is under way.
pub struct Activity(Option<ProgressBar>);

impl Screen {
    /// Spinners when standard error is a terminal, plain lines otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new), quiet: false }
    }

    /// Shows nothing: for `--json`.
    #[must_use]
    pub fn silent() -> Self {
        Self { bars: None, quiet: true }
    }

    /// Prints a finished line. Lines stay; spinners move below them.
    pub fn line(&self, text: &str) {
        match &self.bars {
            _ if self.quiet => {}
            // `suspend` lets the line go to standard output while the spinners are on standard error.
            Some(bars) => bars.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }

    /// Shows that something is under way until the activity ends.
    #[must_use]
    pub fn begin(&self, text: &str) -> Activity {
        let Some(bars) = &self.bars else { return Activity(None) };
        let bar = bars.add(ProgressBar::new_spinner());
        let template = ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:.dim}");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Activity(Some(bar))
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
