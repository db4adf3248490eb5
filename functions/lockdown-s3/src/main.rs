//! Wires `lockdown-s3` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = lockdown_s3::Function::load().await?;
    let look = async |places| function.diagnose(places).await;
    let recover = async |wanted| function.recover(wanted).await;
    firebreak_function::run::run_with_recovery(look, recover, async |input| function.answer(input).await).await
}
