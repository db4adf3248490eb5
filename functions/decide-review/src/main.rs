//! Wires `decide-review` to the Lambda runtime.

use firebreak_function::signed::Caller;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = decide_review::Function::load().await?;
    firebreak_function::signed::run_for_people(async |caller: Caller, input| function.ask(&caller, input).await).await
}
