//! Every row of the evasion table, by number: ways to escape a containment, or to make it harm the innocent, and the tests that show
//! what comes of them. `docs/semantics.md`, "Rows of the evasion table", says the same in words.

use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::target::{Scope, TargetKind};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where a row is shown.
enum Proof {
    /// Cases of the offline evaluator of IAM policies carry the row's number.
    Cases,
    /// A file below the repository, and a test in it.
    Test(&'static str, &'static str),
    /// Nowhere, or not in full; what is missing.
    Open(&'static str),
}
use Proof::{Cases, Open, Test};

const ATTACK: Proof =
    Test("crates/firebreak/tests/domain/trail/attack.rs", "everything_in_the_attacker_s_hands_is_followed_and_nothing_else");
const TIERS: &str = "crates/firebreak/tests/domain/trail/tiers.rs";
const CREATED: &str = "crates/firebreak/tests/domain/trail/created.rs";
const HOSTILE: &str = "crates/firebreak/tests/domain/trail/hostile.rs";
const NAMES: &str = "crates/firebreak/tests/domain/trail/names.rs";
const WINDOW: &str = "crates/firebreak/tests/domain/trail/window.rs";
const PRINCIPALS: &str = "crates/firebreak/tests/domain/principals.rs";
const IDENTITIES: &str = "crates/firebreak/tests/domain/hostile/identities.rs";
const TYPES: Proof = Test("crates/firebreak/tests/domain/types.rs", "every_type_is_decided_as_the_table_says");
const RULES: Proof = Test("drill/tests/whole/end_to_end/rules.rs", "each_rule_takes_what_it_is_for_and_nothing_else");
const EVASION: &str = "functions/quarantine-iam/tests/wire/evasion.rs";
const RACES: &str = "functions/quarantine-iam/tests/wire/races.rs";
const LOOKS: &str = "functions/quarantine-iam/tests/wire/faults/looks.rs";
const SESSION: &str = "functions/quarantine-iam/tests/wire/session.rs";
const USER: &str = "functions/quarantine-iam/tests/wire/user.rs";
const ISOLATE: &str = "functions/isolate-ec2/tests/wire/contain.rs";
const INTERFACES: &str = "functions/isolate-ec2/tests/wire/interfaces.rs";
const GROUPS: &str = "functions/isolate-ec2/tests/wire/groups.rs";
const ISOLATION_LOOKS: &str = "functions/isolate-ec2/tests/wire/verify.rs";
const QUARANTINE: &str = "drill/tests/whole/end_to_end/quarantine.rs";
const WHOLE_ROLE: &str = "drill/tests/whole/end_to_end/whole_role.rs";
const WATCH: &str = "drill/tests/whole/end_to_end/watch.rs";
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
const NOT_COVERED: &str = "not covered yet";

const ROWS: &[(u8, &[Proof])] = &[
    (1, &[Test(QUARANTINE, "an_api_only_user_is_quarantined_with_every_credential")]),
    (
        2,
        &[
            Test(USER, "containing_a_user_twice_changes_nothing_more"),
            Test(USER, "a_second_incident_joins_the_base_and_what_was_made_between_counts_as_exposed"),
            Test("drill/tests/whole/end_to_end/deliveries.rs", "the_same_finding_three_times_is_one_containment"),
        ],
    ),
    (
        3,
        &[
            Test(IDENTITIES, "identity_the_principal_comes_from_typed_fields"),
            Test(PRINCIPALS, "a_bare_access_key_is_its_owner_s_once_somebody_asked"),
            Test("functions/triage/tests/wire/owner.rs", "a_bare_access_key_leads_to_the_user_whose_it_is"),
        ],
    ),
    (
        4,
        &[
            Test("drill/tests/whole/end_to_end/targets.rs", "a_role_session_named_like_a_user_never_touches_that_user"),
            Test(USER, "a_namesake_with_another_id_keeps_its_credentials"),
        ],
    ),
    (5, &[RULES, Open("the matching by the service itself")]),
    (
        6,
        &[
            TYPES,
            Test("state-machine/tests/machines/definition.rs", "each_containment_has_its_state_its_choice_and_its_function"),
        ],
    ),
    (
        7,
        &[
            Cases,
            Test(EVASION, "row_7_a_user_that_is_let_in_before_each_look_is_denied_again_and_raised_each_time"),
            Test(EVASION, "row_7_a_session_that_is_let_in_before_each_look_is_denied_again_and_raised_each_time"),
            Test(EVASION, "row_7_what_is_detached_while_the_containment_goes_on_is_attached_by_the_first_look"),
            Test(EVASION, "row_7_a_boundary_that_is_removed_before_a_look_is_put_again_and_raised"),
            Test(LOOKS, "however_a_look_breaks_a_detached_deny_is_attached_again"),
            Test(WATCH, "a_revert_is_written_again_and_raised"),
            Test("crates/firebreak/tests/domain/trail/policy.rs", "a_reverted_quarantine_asks_for_the_organization"),
        ],
    ),
    (
        8,
        &[
            Cases,
            Test(
                "functions/quarantine-iam/tests/wire/verify.rs",
                "a_policy_whose_text_somebody_changed_is_a_problem_and_is_not_written_back",
            ),
        ],
    ),
    (
        9,
        &[
            Cases,
            Test(USER, "when_no_more_policies_fit_the_boundary_denies_once_the_old_one_is_recorded"),
            Test(SESSION, "a_full_role_gets_the_boundary_for_sessions_unless_it_would_lift_a_limit"),
            Test(RACES, "a_boundary_that_only_firebreak_put_is_gone_after_the_release"),
            Test(WHOLE_ROLE, "a_role_with_a_boundary_and_no_room_waits_for_approval_as_a_whole"),
        ],
    ),
    (10, &[Test(EVASION, "row_10_a_full_quota_of_inline_policies_stops_no_containment")]),
    (
        11,
        &[
            Test(USER, "a_user_without_room_for_a_label_or_whose_key_is_deleted_meanwhile_is_contained_all_the_same"),
            Test(RACES, "a_role_without_room_for_a_sessions_name_keeps_its_tags_and_nobody_is_told_that_the_session_is_denied"),
            Test(WHOLE_ROLE, "a_role_without_room_for_a_tag_waits_for_approval_as_a_whole"),
        ],
    ),
    (
        12,
        &[
            Cases,
            Test(PRINCIPALS, "a_federated_session_leads_to_the_user_who_asked_for_it"),
            Test(NAMES, "a_session_of_a_key_outlives_it"),
        ],
    ),
    (
        13,
        &[
            Cases,
            ATTACK,
            Test(HOSTILE, "two_roles_that_assume_each_other_end_somewhere"),
            Test(NAMES, "a_session_whose_name_others_use_waits_for_a_person"),
        ],
    ),
    (
        14,
        &[
            Cases,
            Test(PRINCIPALS, "a_session_whose_name_somebody_chose_waits_and_people_know_why"),
            Test(
                "functions/quarantine-iam/tests/wire/older_sessions.rs",
                "older_sessions_end_at_the_time_of_the_containment_and_later_ones_do_not",
            ),
        ],
    ),
    (
        15,
        &[
            Cases,
            Test(SESSION, "a_trust_policy_that_lets_callers_tag_their_sessions_asks_for_the_whole_role"),
            Test(TIERS, "a_session_that_cannot_be_denied_alone_asks_for_the_whole_role"),
        ],
    ),
    (
        16,
        &[
            Cases,
            Test(EVASION, "row_16_a_key_made_after_the_list_becomes_inactive_and_a_password_and_a_device_are_shown"),
            Test(EVASION, "row_16_a_key_made_after_the_last_look_is_shown_before_anything_is_put_back"),
            Test(RACES, "a_signing_certificate_is_made_inactive_comes_back_and_one_made_since_does_not"),
            Test(CREATED, "what_suspects_gave_to_contained_users_is_named_for_the_release"),
            Test(WATCH, "a_new_access_key_is_found_and_made_inactive"),
        ],
    ),
    (
        17,
        &[
            Cases,
            ATTACK,
            Test(WINDOW, "row_17_what_was_made_in_the_window_is_followed_as_soon_as_cloudtrail_shows_it"),
            Test(WATCH, "what_the_suspect_created_is_contained"),
            Open("what was made in the window works until CloudTrail shows it"),
        ],
    ),
    (
        18,
        &[
            Cases,
            Test(SESSION, "a_tag_that_somebody_set_in_advance_names_nobody"),
            Test(CREATED, "the_operator_s_list_protects_a_user_and_not_a_suspect_s_key"),
        ],
    ),
    (19, &[Cases, Test(WHOLE_ROLE, "a_role_under_firebreak_s_path_is_refused")]),
    (
        20,
        &[
            Cases,
            Test("functions/quarantine-iam/tests/wire/role.rs", "a_role_with_a_protected_name_or_path_is_refused_with_no_change"),
            Test(PRINCIPALS, "an_identity_center_user_is_denied_by_the_organization_after_approval"),
        ],
    ),
    (
        21,
        &[
            Cases,
            Test(
                "functions/isolate-ec2/tests/wire/tracked.rs",
                "a_private_interface_passes_the_open_group_on_its_way_and_the_ledger_knows_before",
            ),
            Test(
                ISOLATION_LOOKS,
                "an_interface_that_a_killed_run_left_in_an_open_group_is_closed_also_while_what_is_automatic_is_paused",
            ),
            Test(
                "functions/deny-addresses/tests/wire/contain.rs",
                "an_address_is_denied_in_both_directions_in_every_subnet_and_no_other_entry_is_touched",
            ),
            Test(
                "functions/sweep/tests/wire/addresses.rs",
                "open_connections_of_an_isolated_instance_ask_a_person_once_for_a_network_acl",
            ),
            Open("that the open group cuts on AWS; public interfaces, NAT"),
        ],
    ),
    (
        22,
        &[
            Test(ISOLATE, "every_interface_is_moved_into_the_empty_group_of_its_own_vpc_and_its_base_is_recorded_first"),
            Test(INTERFACES, "two_interfaces_in_two_subnets_with_ipv6_are_isolated_and_put_back"),
            Test(INTERFACES, "the_branches_of_a_trunk_are_isolated_recorded_and_put_back"),
            Test(
                "drill/tests/whole/end_to_end/isolation.rs",
                "a_host_in_two_subnets_is_cut_off_in_order_beside_its_session_and_put_back_as_it_was",
            ),
            Open("a trunk, end to end"),
        ],
    ),
    (
        23,
        &[
            Test(GROUPS, "a_group_that_has_the_name_and_is_not_ours_is_left_alone_and_another_name_is_taken"),
            Test(GROUPS, "a_group_that_cannot_be_emptied_is_passed_over_for_an_empty_or_a_fresh_one"),
            Test(
                "functions/isolate-ec2/tests/wire/prepare.rs",
                "every_vpc_gets_its_groups_a_second_run_makes_none_and_an_isolation_uses_them",
            ),
        ],
    ),
    (
        24,
        &[
            Test(
                "functions/isolate-ec2/tests/wire/scaling.rs",
                "a_member_goes_on_standby_before_it_is_cut_off_and_its_group_starts_a_replacement",
            ),
            Test(
                "functions/isolate-ec2/tests/wire/balancers.rs",
                "it_leaves_every_balancer_and_a_release_puts_it_back_with_its_ports",
            ),
            Test("functions/isolate-ec2/tests/wire/fleet.rs", "a_group_that_has_lost_its_share_loses_no_more_without_a_person"),
            Test(
                "drill/tests/whole/end_to_end/members.rs",
                "a_member_is_on_standby_before_it_is_cut_off_and_back_in_its_balancers_after_the_release",
            ),
            Open("the guard knows no group's instances: looks write again"),
        ],
    ),
    (
        25,
        &[
            Test(ISOLATE, "a_spot_instance_is_isolated_without_the_protection_that_it_cannot_have"),
            Test("functions/isolate-ec2/tests/wire/volatile.rs", "a_receipt_says_what_is_lost_and_when_and_is_no_failure_for_it"),
            Test(
                "functions/isolate-ec2/tests/wire/protections.rs",
                "nothing_from_outside_or_inside_ends_it_and_a_release_puts_back_what_was_changed",
            ),
            Open("nothing prevents an interruption, or keeps memory and instance store"),
        ],
    ),
    (
        26,
        &[
            Cases,
            Test(PRINCIPALS, "a_session_that_aws_named_is_denied_alone"),
            Test("functions/sweep/tests/wire/hosts.rs", "the_session_of_an_isolated_instance_is_denied_at_once_and_once"),
            Test(
                "drill/tests/whole/end_to_end/isolation.rs",
                "a_host_in_two_subnets_is_cut_off_in_order_beside_its_session_and_put_back_as_it_was",
            ),
        ],
    ),
    (27, &[Open("no group filters DNS, the metadata service or the time service: tickets say so")]),
    (
        28,
        &[
            Cases,
            ATTACK,
            Test(ISOLATION_LOOKS, "a_look_writes_again_whatever_somebody_reverted_and_tells_of_each"),
            Test(
                "functions/isolate-ec2/tests/wire/shells.rs",
                "a_shell_that_somebody_opens_after_the_isolation_is_ended_and_told_as_a_revert",
            ),
            Open("a tunnel of Instance Connect, Automation, and a branch that leaves its trunk name no instance"),
        ],
    ),
    (29, &[ATTACK, Open("only lists the call")]),
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
        ],
    ),
    (38, &[TYPES, RULES, ATTACK, Open("no template makes an organization's trail")]),
    (
        39,
        &[
            Test(
                "functions/triage/tests/wire/budget.rs",
                "row_39_of_a_flood_as_many_are_contained_as_the_budget_allows_and_the_rest_waits",
            ),
            Test("functions/sweep/tests/wire/look.rs", "what_exceeds_the_budget_waits_and_is_not_contained"),
            Test("crates/firebreak/tests/domain/traps.rs", "thousands_of_decoys_do_not_push_out_the_only_bucket"),
            Test(HOSTILE, "five_thousand_records_are_read_in_pages_and_in_time"),
        ],
    ),
    (40, &[Test("crates/firebreak/tests/domain/hostile/states.rs", "state_what_people_or_guardduty_settled_is_left_alone")]),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The cases of the policies for principals, and of the roles of each function.
fn cases() -> String {
    let entries = |folder: &str| {
        let entries = std::fs::read_dir(repository().join(folder)).expect("the folder exists");
        entries.map(|entry| entry.expect("readable").path()).collect::<Vec<_>>()
    };
    let of_functions = entries("functions").into_iter().map(|folder| folder.join("policy-cases.mjs"));
    let files = entries("policies/tests/cases").into_iter().chain(of_functions.filter(|file| file.exists()));
    files.map(|file| text(&file)).collect()
}

#[test]
fn every_row_has_tests_or_says_what_is_missing() {
    let document = text(&repository().join("docs/semantics.md"));
    assert!(ROWS.iter().map(|(row, _)| *row).eq(1..=40_u8), "each row once, in order");
    let cases = cases();
    let (_, table) = document.split_once("## Rows of the evasion table").expect("the section");
    let (table, left) = table.split_once("\nNot covered yet:").expect("what is not covered");
    let (left, _) = left.split_once("\n\n").expect("a paragraph");
    for (row, proofs) in ROWS {
        assert!(!proofs.is_empty(), "row {row}");
        let is_left = matches!(proofs, [Open(missing)] if *missing == NOT_COVERED);
        let places = (table.matches(&format!("\n| {row}: ")).count(), left.matches(&format!("({row})")).count());
        assert_eq!(places, if is_left { (0, 1) } else { (1, 0) }, "row {row} in docs/semantics.md");
        for proof in *proofs {
            match proof {
                Cases => assert!(cases.contains(&format!("row: {row},")), "no case names row {row}"),
                Test(file, test) => {
                    assert!(text(&repository().join(file)).contains(&format!("fn {test}(")), "row {row}: {file} has no {test}");
                }
                Open(missing) => println!("row {row} is open: {missing}"),
            }
        }
    }
}

/// A presigned URL carries the signature of whoever made it, and CloudTrail and GuardDuty see the signer's key. Blocking public access
/// does not end it; denying the signer does.
#[test]
fn row_34_who_signed_is_denied_and_not_only_the_bucket() {
    let event = text(&repository().join("fixtures/findings/guardduty/exfiltration-s3.json"));
    let seen: Value = serde_json::from_str(&event).expect("JSON");
    let signer = &seen["detail"]["resource"]["accessKeyDetails"];
    let policy = Policy::unrestricted();
    let now = seen["time"].as_str().expect("a time").parse().expect("a time");
    let plan = plan_json(event.as_bytes(), &Circumstances::new(&policy, now)).expect("JSON");
    let denied = plan.decisions.iter().find(|decision| decision.target.kind == TargetKind::IamUser).expect("a decision");
    assert_eq!((denied.containment, denied.mode), (Some(Containment::QuarantineIam), Mode::Auto));
    assert_eq!(denied.target.scope, Scope::Principal, "a session of the user may have signed, too");
    assert_eq!(Some(denied.target.id.as_str()), signer["userName"].as_str());
    assert_eq!(denied.target.access_key_id.as_ref().map(|key| key.as_str()), signer["accessKeyId"].as_str());
}
