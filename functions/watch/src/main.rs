//! Wires `watch` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = watch::Function::load().await?;
    firebreak_function::run::run(async |input| function.handle(input).await).await
}
