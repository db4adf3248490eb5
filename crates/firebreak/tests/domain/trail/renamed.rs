//! A user that a suspect renamed is still the suspect's; a bystander is not.

use super::*;

const GHOST: &str = "AKIAGHOSTGHOSEXAMPLE";
const MALLORY: &str = "AIDAL1XMLVWIUEXAMPLE2";

fn renames(from: &str, to: &str) -> Value {
    by_alice("iam", "UpdateUser", &json!({"userName": from, "newUserName": to}), &Value::Null)
}

fn creates(name: &str, id: Option<&str>) -> Value {
    let user = id.map(|id| json!({"user": {"userName": name, "userId": id}})).unwrap_or_default();
    by_alice("iam", "CreateUser", &json!({"userName": name}), &user)
}

/// The same record, by another user.
fn by_user(name: &str, id: &str, key: &str, mut record: Value) -> Value {
    record["event"]["userIdentity"] =
        json!({"type": "IAMUser", "userName": name, "principalId": id, "accountId": HOME, "accessKeyId": key});
    record
}

fn lines(found: &Found) -> Vec<&str> {
    found.traced.iter().map(|traced| traced.what.as_str()).collect()
}

#[test]
fn a_user_that_a_suspect_made_is_followed_under_its_new_name() {
    let (made, renamed) = (creates("mallory", Some(MALLORY)), renames("mallory", "ghost"));
    let deep = by_user("ghost", MALLORY, GHOST, creates("deep", Some("AIDADEEPDEEPDEXAMPLE1")));
    // Somebody else who gets the name later.
    let heir = by_user("mallory", "AIDAHEIRHEIRHEXAMPLE1", "AKIAHEIRHEIRHEXAMPLE", creates("friend", None));
    for trail in [[&made, &renamed, &deep, &heir], [&deep, &heir, &renamed, &made]] {
        let trail: Vec<Value> = trail.into_iter().cloned().collect();
        let (found, derived) = sweep(&trail, &[alice()], &generous());
        let mut contained = shown(&derived.decisions, Mode::Auto);
        contained.sort();
        assert_eq!(contained, ["quarantine-iam IAM user deep", "quarantine-iam IAM user mallory"]);
        assert_eq!(derived.decisions.len(), 2, "a quarantine follows the id: {:#?}", derived.decisions);
        assert!(
            lines(&found).contains(&"UpdateUser by IAM user alice: IAM user mallory is called ghost now"),
            "{:#?}",
            lines(&found)
        );
    }
}

#[test]
fn a_user_without_a_known_id_is_asked_for_under_its_new_name() {
    let (found, derived) = sweep(&[creates("mallory", None), renames("mallory", "ghost")], &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"], "{:#?}", lines(&found));
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user ghost"]);
    assert!(derived.decisions[1].reason.starts_with("the new name of a user whom the suspects have"), "{:#?}", derived.decisions);
}

#[test]
fn a_suspect_does_not_escape_into_another_name() {
    let id = "AIDAZ49AHUAJ9EXAMPLE1";
    let own = by_alice("iam", "UpdateUser", &json!({"newUserName": "alice-2"}), &Value::Null);
    let later = by_user("alice-2", id, "AKIAIOSFODNN7EXAMPLE", creates("mallory", Some(MALLORY)));
    let again = by_user("alice-2", id, "AKIAIOSFODNN7EXAMPLE", renames("alice-2", "alice-3"));
    let last = by_user("alice-3", id, "AKIAIOSFODNN7EXAMPLE", creates("eve", Some("AIDAEVEEVEEVEEXAMPLE1")));
    let trail = [own, later, again, last];
    let (_, derived) = sweep(&trail, &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory", "quarantine-iam IAM user eve"]);
    // A finding that has no id: the containment finds nobody under the old name.
    let nameless = Target { principal_id: None, access_key_id: None, ..alice() };
    let (_, derived) = sweep(&trail[..1], &[nameless], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user alice-2"]);
    assert_eq!(derived.decisions[0].target.principal_id.as_ref().map(PrincipalId::as_str), Some(id));
    // The key is contained, whatever its owner is called.
    let key = Target { scope: Scope::AccessKey, ..alice() };
    let (found, derived) = sweep(&trail[..1], &[key], &generous());
    assert_eq!((found.traced.len(), derived.decisions), (1, vec![]));
}

#[test]
fn names_that_go_round_in_a_circle_end_somewhere() {
    let trail = [creates("mallory", Some(MALLORY)), renames("mallory", "ghost"), renames("ghost", "mallory")];
    let (_, asked) = look(&trail, &[alice()], &generous());
    for name in ["mallory", "ghost"] {
        let questions = asked.iter().filter(|lookup| lookup.value == name && lookup.region.as_str() == "us-east-1");
        assert_eq!(questions.count(), 1, "{name}");
    }
}

#[test]
fn a_bystander_who_was_renamed_waits_for_a_person_and_is_not_followed() {
    let (_, asked) = look(&[renames("carol", "caroline")], &[alice()], &generous());
    assert!(!asked.iter().any(|lookup| lookup.value.starts_with("carol")), "{asked:?}");
    let (_, derived) = sweep(&[renames("carol", "caroline")], &[alice()], &generous());
    assert_eq!(shown(&derived.decisions, Mode::Gate), ["quarantine-iam IAM user caroline"]);
    // The user that the suspect made hands its name on: who has it now is the bystander.
    let shuffle = [creates("mallory", Some(MALLORY)), renames("mallory", "x"), renames("x", "y"), renames("carol", "x")];
    let (_, derived) = sweep(&shuffle, &[alice()], &generous());
    assert!(shown(&derived.decisions, Mode::Gate).contains(&"quarantine-iam IAM user x".to_owned()), "{:#?}", derived.decisions);
    assert_eq!(shown(&derived.decisions, Mode::Auto), ["quarantine-iam IAM user mallory"]);
}

#[test]
fn what_a_renamed_user_was_given_stays_inactive() {
    let given = json!({"accessKey": {"userName": "ghost", "accessKeyId": GHOST}});
    let given = by_alice("iam", "CreateAccessKey", &json!({"userName": "ghost"}), &given);
    let (found, _) = sweep(&[creates("mallory", Some(MALLORY)), renames("mallory", "ghost"), given], &[alice()], &generous());
    let exposed: Vec<(&str, &str)> = found.exposed.iter().map(|(user, id)| (user.id.as_str(), id.as_str())).collect();
    assert_eq!(exposed, [("mallory", GHOST)], "the quarantine of the user knows of it");
}

#[test]
fn a_hostile_or_empty_rename_is_a_line() {
    let path = by_alice("iam", "UpdateUser", &json!({"userName": "mallory", "newPath": "/hidden/"}), &Value::Null);
    let trail = [path, renames("mallory", "x\u{1b}[2J"), renames("mallory", "MALLORY")];
    let (found, derived) = sweep(&trail, &[alice()], &generous());
    assert!(derived.decisions.is_empty() && found.traced.iter().all(|traced| traced.follow == Follow::Nothing), "{found:#?}");
    assert_eq!(found.traced.len(), 3);
    assert!(lines(&found).iter().all(|line| !line.contains(char::is_control)));
}
