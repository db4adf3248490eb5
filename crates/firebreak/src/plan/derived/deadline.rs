//! What is gone for good on a known day is decided about first.
//!
//! Of two calls about one target only the first makes a decision. Whoever reads it must see by when something has to be done.

use crate::trail::{Follow, Traced};
use jiff::civil::Date;

/// What suspects did: first what has a day, the earliest day before the others, then the rest in its order.
pub(super) fn soonest_first(traced: &[Traced]) -> Vec<&Traced> {
    let mut sorted: Vec<&Traced> = traced.iter().collect();
    sorted.sort_by_key(|traced| {
        let ends = ends(traced);
        (ends.is_none(), ends)
    });
    sorted
}

fn ends(traced: &Traced) -> Option<Date> {
    match &traced.follow {
        Follow::ByHand { ends, .. } => *ends,
        Follow::Nothing | Follow::Contain { .. } => None,
    }
}
