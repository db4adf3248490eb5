//! Wires `enable-key` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = enable_key::Function::load().await?;
    let look = async |places| function.diagnose(places).await;
    firebreak_function::run::run_with_diagnosis(look, async |input| function.handle(input).await).await
}
