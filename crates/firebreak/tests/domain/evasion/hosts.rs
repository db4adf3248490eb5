//! Rows about EC2 instances and what is made of them.

use super::Proof::{Cases, Open, Test};
use super::{ATTACK, PRINCIPALS, Row};

const ISOLATE: &str = "functions/isolate-ec2/tests/wire/contain.rs";
const INTERFACES: &str = "functions/isolate-ec2/tests/wire/interfaces.rs";
const GROUPS: &str = "functions/isolate-ec2/tests/wire/groups.rs";
const ISOLATION_LOOKS: &str = "functions/isolate-ec2/tests/wire/verify.rs";

pub(super) const ROWS: &[Row] = &[
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
];
