//! Rows about users, roles and their sessions.

use super::Proof::{Cases, Open, Test};
use super::{ATTACK, HOSTILE, PRINCIPALS, Row, USER, WINDOW};

const TIERS: &str = "crates/firebreak/tests/domain/trail/tiers.rs";
const CREATED: &str = "crates/firebreak/tests/domain/trail/created.rs";
const NAMES: &str = "crates/firebreak/tests/domain/trail/names.rs";
const IDENTITIES: &str = "crates/firebreak/tests/domain/hostile/identities.rs";
const EVASION: &str = "functions/quarantine-iam/tests/wire/evasion.rs";
const RACES: &str = "functions/quarantine-iam/tests/wire/races.rs";
const LOOKS: &str = "functions/quarantine-iam/tests/wire/faults/looks.rs";
const SESSION: &str = "functions/quarantine-iam/tests/wire/session.rs";
const QUARANTINE: &str = "drill/tests/whole/end_to_end/quarantine.rs";
const WHOLE_ROLE: &str = "drill/tests/whole/end_to_end/whole_role.rs";
const WATCH: &str = "drill/tests/whole/end_to_end/watch.rs";

pub(super) const ROWS: &[Row] = &[
    (1, &[Test(QUARANTINE, "an_api_only_user_is_quarantined_with_every_credential")]),
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
];
