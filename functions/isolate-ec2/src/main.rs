//! Wires `isolate-ec2` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = isolate_ec2::Function::load().await?;
    let look = async |places| function.diagnose(places).await;
    let prepare = async |places| function.prepare(places).await;
    firebreak_function::run::run_with_preparation(look, prepare, async |input| function.answer(input).await).await
}
