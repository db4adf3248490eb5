//! Wires `sweep` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = sweep::Function::load().await?;
    firebreak_aws::run::run(async |input| function.handle(input).await).await
}
