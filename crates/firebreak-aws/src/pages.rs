//! Lists that come in pages.
//!
//! IAM may give fewer entries than it has, on any page (IAM API reference, `ListAccessKeys`: "check `IsTruncated` after every call").
//! A list is read to its end here, or says that it was not. The SDK's paginators cannot: `ListServiceSpecificCredentials` has none, they
//! end in silence where a marker leads nowhere, and evidence keeps the answer of each page.

use crate::classify::{self, SdkResult};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;

/// IAM's quotas allow no list that long. An answer that always promises more must not hold a function up.
const MAX_PAGES: usize = 50;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Its entries. There can be none although there are more pages.
    pub items: Vec<T>,
    /// Whether there are more pages.
    pub is_truncated: bool,
    /// Where the next page begins.
    pub marker: Option<String>,
}

/// What was read of a list.
#[derive(Debug, Clone)]
pub struct Pages<T, E> {
    /// The entries of all pages that were read.
    pub items: Vec<T>,
    /// Why there may be more. Nothing: the list was read to its end.
    pub cut: Option<Cut<E>>,
}

/// Why a list was not read to its end.
#[derive(Debug, Clone)]
pub enum Cut<E> {
    /// A later page could not be read.
    Failed(E),
    /// There is more, and no way to it, or there are more pages than any list has.
    NoEnd,
}

/// What asking for a list of AWS gave. An error: not even its first page.
pub type Listed<T, E> = SdkResult<Pages<T, SdkError<E, HttpResponse>>, E>;

impl<E: ProvideErrorMetadata> Cut<SdkError<E, HttpResponse>> {
    /// The cut as a fault.
    #[must_use]
    pub fn fault(&self, operation: &str) -> Fault {
        match self {
            Self::Failed(error) => classify::fault(operation, error),
            Self::NoEnd => Fault::malformed(format!("{operation}: the list was not read to its end")),
        }
    }
}

/// All entries of a list.
///
/// # Errors
/// The list could not be read, or not to its end.
pub fn whole<T, E: ProvideErrorMetadata>(operation: &str, listed: Listed<T, E>) -> Result<Vec<T>, Fault> {
    match partly(operation, listed) {
        (items, None) => Ok(items),
        (_, Some(fault)) => Err(fault),
    }
}

/// The entries that were read, and what kept more of them from being read.
#[must_use]
pub fn partly<T, E: ProvideErrorMetadata>(operation: &str, listed: Listed<T, E>) -> (Vec<T>, Option<Fault>) {
    match listed {
        Ok(pages) => (pages.items, pages.cut.map(|cut| cut.fault(operation))),
        Err(error) => (vec![], Some(classify::fault(operation, &error))),
    }
}

/// Reads a list page by page. `ask` asks for the page that begins at a marker. A later page that fails takes nothing of the earlier
/// ones away.
///
/// # Errors
/// The first page could not be read.
pub async fn read<T, E, P>(ask: impl Fn(Option<String>) -> P) -> Result<Pages<T, E>, E>
where
    P: Future<Output = Result<Page<T>, E>>,
{
    let (mut items, mut marker) = (Vec::new(), None);
    for nth in 0..MAX_PAGES {
        // Boxed: many lists are read side by side.
        let page = match Box::pin(ask(marker.clone())).await {
            Ok(page) => page,
            Err(error) if nth == 0 => return Err(error),
            Err(error) => return Ok(Pages { items, cut: Some(Cut::Failed(error)) }),
        };
        items.extend(page.items);
        if !page.is_truncated {
            return Ok(Pages { items, cut: None });
        }
        if page.marker.is_none() || page.marker == marker {
            break;
        }
        marker = page.marker;
    }
    Ok(Pages { items, cut: Some(Cut::NoEnd) })
}

/// Reads a list of IAM: `pages!(iam.list_access_keys().user_name(name), access_key_metadata)` is a future of
/// [`Listed`](crate::pages::Listed).
#[macro_export]
macro_rules! pages {
    ($request:expr, $items:ident) => {
        $crate::pages::read(|marker: ::std::option::Option<::std::string::String>| {
            let asked = $request.set_marker(marker).send();
            async move {
                asked.await.map(|page| $crate::pages::Page {
                    items: page.$items().to_vec(),
                    is_truncated: page.is_truncated,
                    marker: page.marker,
                })
            }
        })
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// What a future gives that never waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    /// Reads a list whose n-th page `answer` gives, and counts the questions.
    fn read_all(
        answer: impl Fn(usize) -> Result<Page<usize>, &'static str>,
    ) -> (Result<Pages<usize, &'static str>, &'static str>, usize) {
        let asked = Cell::new(0);
        let read = now(read(|marker: Option<String>| {
            let nth = marker.map_or(0, |marker| marker.parse().expect("a marker of this test"));
            asked.set(asked.get() + 1);
            std::future::ready(answer(nth))
        }));
        (read, asked.get())
    }

    fn page(nth: usize, next: Option<usize>) -> Page<usize> {
        Page { items: vec![nth], is_truncated: next.is_some(), marker: next.map(|next| next.to_string()) }
    }

    #[test]
    fn a_list_is_read_to_its_end_also_past_an_empty_page() {
        let (read, asked) = read_all(|nth| match nth {
            1 => Ok(Page { items: vec![], ..page(1, Some(2)) }),
            _ => Ok(page(nth, (nth < 3).then_some(nth + 1))),
        });
        let read = read.expect("a list");
        assert_eq!((read.items, read.cut.is_none(), asked), (vec![0, 2, 3], true, 4));
    }

    #[test]
    fn a_later_page_that_fails_takes_nothing_away_and_the_first_one_is_an_error() {
        let (read, _) = read_all(|nth| if nth < 2 { Ok(page(nth, Some(nth + 1))) } else { Err("refused") });
        let read = read.expect("two pages");
        assert!(read.items == [0, 1] && matches!(read.cut, Some(Cut::Failed("refused"))), "{read:?}");
        assert_eq!(read_all(|_| Err("refused")).0.err(), Some("refused"));
    }

    #[test]
    fn a_list_that_never_ends_or_leads_nowhere_says_that_there_is_more() {
        let nowhere = Page { marker: None, ..page(0, Some(1)) };
        let cases = [
            read_all(|nth| Ok(page(nth, Some(nth + 1)))),
            read_all(|nth| Ok(page(nth, Some(1)))),
            read_all(|_| Ok(nowhere.clone())),
        ];
        for ((read, asked), expected) in cases.into_iter().zip([MAX_PAGES, 2, 1]) {
            let read = read.expect("a list");
            assert!((read.items.len(), asked) == (expected, expected) && matches!(read.cut, Some(Cut::NoEnd)), "{read:?}");
        }
    }
}
