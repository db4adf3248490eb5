//! A function that panics on every invocation, on the same runtime as the real ones.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    firebreak_function::run::run(async |_: serde_json::Value| -> Result<(), firebreak_function::run::Fault> {
        panic!("on purpose");
    })
    .await
}
