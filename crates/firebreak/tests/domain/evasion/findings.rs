//! Rows about findings themselves: one that comes again, looks unlike others, comes with many, or is a sample.

use super::Proof::{Open, Test};
use super::{ATTACK, HOSTILE, Proof, Row, USER};

const TYPES: Proof = Test("crates/firebreak/tests/domain/types.rs", "every_type_is_decided_as_the_table_says");
const RULES: Proof = Test("drill/tests/whole/end_to_end/rules.rs", "each_rule_takes_what_it_is_for_and_nothing_else");

pub(super) const ROWS: &[Row] = &[
    (
        2,
        &[
            Test(USER, "containing_a_user_twice_changes_nothing_more"),
            Test(USER, "a_second_incident_joins_the_base_and_what_was_made_between_counts_as_exposed"),
            Test("drill/tests/whole/end_to_end/deliveries.rs", "the_same_finding_three_times_is_one_containment"),
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
