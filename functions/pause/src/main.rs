//! Wires `pause` to the Lambda runtime.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let function = pause::Function::load().await?;
    let console = async |request| function.handle_console(request).await;
    let signed = async |caller: firebreak_function::signed::Caller, request| function.handle(&caller.arn, request).await;
    firebreak_function::signed::run_for_people_and_console(console, signed).await
}
