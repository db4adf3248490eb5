//! Keys of KMS in a record: which one a call was about, and when it is gone for good.

use crate::ids::{Arn, KmsKeyId};
use crate::trail::record::Record;
use jiff::civil::Date;

/// The id of a key of the trail's own account, by itself or in an ARN. One word for any shell.
pub(super) fn own_key<'a>(named: &'a str, record: &Record) -> Option<&'a str> {
    let id = match Arn::parse(named) {
        Some(arn) => {
            let is_ours = arn.service == "kms" && arn.account == record.account && arn.region == record.region;
            arn.resource.strip_prefix("key/").filter(|_| is_ours)?
        }
        None => named,
    };
    KmsKeyId::parse(id).is_ok().then_some(id)
}

/// The day on which KMS may delete a key, if the record of the call that scheduled it says so. A multi-Region key that has replicas has
/// no day until they are gone (KMS developer guide, `ScheduleKeyDeletion`).
pub(super) fn deleted_on(record: &Record) -> Option<Date> {
    let scheduled = record.name == "ScheduleKeyDeletion";
    day(record.answered("/deletionDate").filter(|_| scheduled)?)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The day of a time such as `Apr 12, 2021 18:58:30 PM`, as the same page shows one. Nobody needs the hour: whoever acts before the day
/// is in time.
fn day(text: &str) -> Option<Date> {
    let mut words = text.split(' ');
    let (month, day, year) = (words.next()?, words.next()?.strip_suffix(',')?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)?.checked_add(1)?;
    Date::new(year.parse().ok()?, i8::try_from(month).ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_deletion_is_read_and_nothing_else_is() {
        for (text, expected) in [
            ("Apr 12, 2021 18:58:30 PM", "2021-04-12"),
            ("Nov 27, 2026 12:00:00 AM", "2026-11-27"),
            ("Dec 3, 2026 1:00:00 AM", "2026-12-03"),
        ] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some(expected));
        }
        for other in ["", "soon", "Apr 31, 2021 x", "apr 12, 2021 x", "Apr 12 2021", "Apr 12, 99999 x", "Apr $(reboot), 2021"] {
            assert_eq!(day(other), None, "{other}");
        }
    }
}
