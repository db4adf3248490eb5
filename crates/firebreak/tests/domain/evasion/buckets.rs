//! Rows about S3 buckets and the keys that encrypt them.

use super::Proof::{Cases, Open, Test};
use super::{Proof, Row, WINDOW};

const BUCKET: &str = "drill/tests/whole/end_to_end/bucket.rs";
const RULES_OF_BUCKETS: &str = "functions/lockdown-s3/tests/wire/rules.rs";
const ENCRYPTION: &str = "functions/lockdown-s3/tests/wire/encryption.rs";
const LOCKDOWN_LOOKS: &str = "functions/lockdown-s3/tests/wire/verify.rs";
const LATE: &str = "functions/lockdown-s3/tests/wire/late.rs";
const TRUST: &str = "functions/lockdown-s3/tests/wire/trust.rs";
/// An overwrite under the caller's key and a bulk delete, end to end.
const RANSOM: Proof = Test(
    "drill/tests/whole/end_to_end/ransom.rs",
    "an_overwrite_under_a_foreign_key_and_a_bulk_delete_are_refused_to_accomplices_too",
);
/// Rules that a suspect set, end to end.
const SET_RULES: Proof = Test(
    "drill/tests/whole/end_to_end/ransom.rs",
    "of_expiration_and_replication_only_what_the_suspect_set_stops_and_people_read_where_it_copied_to",
);

pub(super) const ROWS: &[Row] = &[
    (
        30,
        &[
            SET_RULES,
            Test(RULES_OF_BUCKETS, "a_freeze_stops_what_was_written_since_and_leaves_what_was_there"),
            Test(RULES_OF_BUCKETS, "a_rule_that_slept_and_that_somebody_woke_is_switched_off"),
            Test(RULES_OF_BUCKETS, "destruction_switches_off_whatever_takes_data_away"),
            Test(LATE, "a_rule_that_cloudtrail_shows_too_late_is_switched_off_and_nobody_reverted_anything"),
            Test(
                "functions/lockdown-s3/tests/wire/changed.rs",
                "whoever_hides_a_rule_behind_calls_about_other_buckets_gets_no_receipt_that_says_contained",
            ),
            Test(LOCKDOWN_LOOKS, "a_rule_that_deletes_and_came_since_is_switched_off_and_a_release_leaves_it_off"),
            Open("what S3 has begun to delete; a rule until CloudTrail shows it and a look asks"),
        ],
    ),
    (31, &[Cases, SET_RULES, Test(RULES_OF_BUCKETS, "copies_to_another_account_stop_and_people_read_whose_it_is")]),
    (32, &[Cases, RANSOM, Test(ENCRYPTION, "keys_of_customers_are_refused_and_the_default_encryption_stays")]),
    (
        33,
        &[
            Test(BUCKET, "a_policy_that_somebody_puts_back_is_written_again_and_raised"),
            Test(LOCKDOWN_LOOKS, "whatever_of_a_freeze_somebody_takes_away_is_written_again_and_told"),
            Test(LOCKDOWN_LOOKS, "an_exception_that_somebody_writes_into_a_statement_does_not_stay"),
            Open("between two looks; the root user of the account"),
        ],
    ),
    (34, &[Cases, Test("crates/firebreak/tests/domain/evasion.rs", "row_34_who_signed_is_denied_and_not_only_the_bucket")]),
    (
        35,
        &[
            Cases,
            Test(BUCKET, "a_bucket_is_closed_level_by_level_and_put_back_byte_for_byte"),
            Test(BUCKET, "a_freeze_by_which_others_would_lose_access_waits_and_changes_nothing"),
            Test(TRUST, "a_suspect_who_writes_the_policy_back_unchanged_takes_nobody_s_access"),
            Test(TRUST, "whom_a_suspect_named_is_denied_whoever_wrote_the_policy_after_him"),
            Test(LATE, "an_accomplice_whom_cloudtrail_shows_too_late_is_no_exception_any_more"),
            Test(LOCKDOWN_LOOKS, "whom_the_policy_names_since_the_containment_is_no_exception"),
        ],
    ),
    (
        36,
        &[
            RANSOM,
            Test(ENCRYPTION, "versioning_that_was_suspended_is_on_while_the_bucket_is_frozen_and_suspended_again"),
            Open("what was deleted without a version"),
        ],
    ),
    (
        37,
        &[
            Test(WINDOW, "row_37_a_kms_key_that_is_disabled_or_to_be_deleted_waits_for_a_person_who_is_told_what_to_do"),
            Test(
                "drill/tests/whole/end_to_end/ransom.rs",
                "the_deletion_of_a_bucket_s_key_is_said_with_the_commands_that_stop_it",
            ),
            Test(
                "drill/tests/whole/end_to_end/ransom.rs",
                "an_approval_enables_a_key_that_was_to_be_deleted_and_a_release_leaves_it_enabled",
            ),
            Test(
                "functions/enable-key/tests/wire/verify.rs",
                "a_key_that_somebody_takes_away_again_is_given_back_again_and_told_once",
            ),
        ],
    ),
];
