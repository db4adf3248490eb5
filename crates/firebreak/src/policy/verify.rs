//! When a containment is looked at again.

use serde::Deserialize;

/// Seconds after the containment, ascending: one number, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum VerifyAfter {
    /// Once.
    Once(u32),
    /// Several times.
    Times(Vec<u32>),
}

impl Default for VerifyAfter {
    /// IAM needs about 4 s to propagate, and whoever saw the deny can take it away in that time.
    fn default() -> Self {
        Self::Times(vec![5, 15, 60])
    }
}

impl VerifyAfter {
    fn times(&self) -> &[u32] {
        match self {
            Self::Once(seconds) => std::slice::from_ref(seconds),
            Self::Times(times) => times,
        }
    }

    /// Seconds to wait before each look, counted from the one before.
    #[must_use]
    pub fn waits(&self) -> Vec<u32> {
        let mut before = 0;
        let wait = |&at: &u32| {
            let wait = at.saturating_sub(before);
            before = at;
            wait
        };
        self.times().iter().map(wait).collect()
    }

    pub(super) fn is_mistaken(&self) -> bool {
        let times = self.times();
        times.is_empty() || times.len() > 10 || !times.is_sorted() || times.iter().any(|seconds| *seconds > 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_counted_from_look_to_look() {
        assert_eq!(VerifyAfter::default().waits(), [5, 10, 45]);
        assert_eq!(VerifyAfter::Once(1).waits(), [1]);
        assert!(VerifyAfter::Times(vec![15, 5]).is_mistaken());
        assert!(VerifyAfter::Times(vec![]).is_mistaken());
    }
}
