//! The only clock. The domain takes time as an argument.

#[cfg(debug_assertions)]
mod simulated;

/// The time now. The local AWS may say another one than the machine.
#[cfg(debug_assertions)]
#[must_use]
pub fn now() -> jiff::Timestamp {
    simulated::in_force().map_or_else(real, |clock| clock.at(real()))
}

/// The time now.
#[cfg(not(debug_assertions))]
#[must_use]
pub fn now() -> jiff::Timestamp {
    real()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn real() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
