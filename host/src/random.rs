//! Random numbers of the operating system.

use crate::error::HostError;
use ring::rand::{SecureRandom, SystemRandom};

/// How many random bytes a token has.
const TOKEN: usize = 32;

/// A token that nobody guesses, in hexadecimal digits.
pub(crate) fn token() -> Result<String, HostError> {
    let mut bytes = [0; TOKEN];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_unspecified| HostError::NoRandomNumbers)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A number from 0 to 1; 1 where there are none, for it only sets processes apart.
pub(crate) fn share() -> f64 {
    let mut byte = [u8::MAX];
    // What fails leaves it as it was.
    let _ = SystemRandom::new().fill(&mut byte);
    f64::from(byte[0]) / f64::from(u8::MAX)
}
