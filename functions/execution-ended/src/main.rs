//! Wires `execution-ended` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = execution_ended::Function::load().await?;
    firebreak_function::run::run(async |event| function.handle(event).await).await
}
