use crate::{contain, stage, verify};

#[tokio::test]
async fn a_look_says_whether_it_holds_and_changes_nothing() {
    let (aws, bucket) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    assert!(verify(&aws, "one").await.expect("a look").holds);
    bucket.set(Some([true, true, false, true]));
    aws.forget();
    let check = verify(&aws, "one").await.expect("a look");
    assert!(!check.holds && check.problems.len() == 1, "{check:?}");
    assert_eq!(aws.changes(), [""; 0], "a bucket is only looked at");
}
