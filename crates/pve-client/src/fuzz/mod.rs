//! Whatever PVE, or whoever answers in its place, sends: no panic, no endless work, no error without end, and what was
//! understood is written back as it was.
//!
//! The kept inputs in `__fuzz__/` run in every test, with some random ones. `cargo xtask fuzz` goes on from them for as
//! long as it is told to, led by which branches an input reaches.

mod answers;
mod terminal;
mod texts;

/// Random inputs beside the kept ones in a test run.
const RANDOM: usize = 2000;

/// The input up to a line feed, and what follows it.
fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[]),
    }
}
