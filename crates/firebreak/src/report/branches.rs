//! How the same branch of several executions ended, as one.

use super::Branch;

impl Branch {
    /// Adds another one of the same kind: together they ended when both have, and failed when one did.
    pub fn add(&mut self, other: Self) {
        let rank = |status: &str| match status {
            "failed" => 3,
            "started" => 2,
            "ok" => 1,
            _ => 0,
        };
        if rank(&other.status) > rank(&self.status) {
            self.status = other.status;
        }
        self.error = self.error.take().or(other.error);
        let new: Vec<String> = other.missing.into_iter().filter(|line| !self.missing.contains(line)).collect();
        self.missing.extend(new);
        self.count = self.count.max(other.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: &str, missing: &[&str]) -> Branch {
        let missing = missing.iter().map(|line| (*line).to_owned()).collect();
        Branch { status: status.to_owned(), missing, ..Branch::default() }
    }

    #[test]
    fn a_collection_has_ended_when_all_have_and_failed_when_one_did() {
        for (one, other, both) in
            [("ok", "started", "started"), ("started", "failed", "failed"), ("", "ok", "ok"), ("ok", "ok", "ok")]
        {
            let mut all = ended(one, &["a"]);
            all.add(ended(other, &["a", "b"]));
            assert_eq!(all, ended(both, &["a", "b"]), "{one} and {other}");
        }
    }
}
