//! What needs the whole: the real binaries on the local AWS.

mod doctor;
mod end_to_end;
mod fault_sweep;
mod quarantine_latency;
