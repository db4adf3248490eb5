//! Wires `ingest` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = ingest::Function::load().await?;
    firebreak_function::run::run(async |event| function.handle(event).await).await
}
