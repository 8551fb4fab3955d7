//! Numbers of JSON that DynamoDB can hold, as they are written: no digit is
//! lost, or the number is refused.

use crate::limits::{NUMBER_DIGITS, NUMBER_EXPONENTS};

/// The number's own text, where DynamoDB can hold all of it.
///
/// # Errors
///
/// Why it cannot, as a sentence.
pub(super) fn number(text: &str) -> Result<String, String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (text, Some(0)),
    };
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        // Whatever its exponent, which may be one that DynamoDB refuses.
        return Ok("0".to_owned());
    }
    if significant.len() > NUMBER_DIGITS {
        return Err(format!(
            "the number has {} significant digits and DynamoDB keeps {NUMBER_DIGITS}: give it as a string to keep them all",
            significant.len()
        ));
    }
    let leading_zeros = digits.len() - digits.trim_start_matches('0').len();
    let position = i64::try_from(whole.len())
        .ok()
        .zip(i64::try_from(leading_zeros).ok());
    let magnitude = exponent
        .zip(position)
        .and_then(|(exponent, (whole, zeros))| exponent.checked_add(whole - zeros - 1));
    match magnitude {
        Some(magnitude) if NUMBER_EXPONENTS.contains(&magnitude) => Ok(text.to_owned()),
        _ => Err(
            "the number is beyond what DynamoDB holds, from 1E-130 to 9.99E+125: give it as a string"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_every_digit_up_to_38() {
        for text in [
            "12345678901234567890123456789012345678",
            "-0.00000000000000000000000000000000000012345678901234567890123456789012345678",
            "100000000000000000000000000000000000000000000000000",
            "1e125",
            "9.99e125",
            "1e-130",
            "0",
        ] {
            assert_eq!(number(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn nothing_with_any_exponent_is_nothing() {
        for zero in ["0", "-0", "0.000", "0e999999999999"] {
            assert_eq!(number(zero).as_deref(), Ok("0"), "{zero}");
        }
    }

    #[test]
    fn what_dynamodb_cannot_hold_is_refused() {
        for text in [
            "1234567890123456789012345678901234567890",
            "1e126",
            "10e125",
            "1e-131",
            "0.1e-130",
            "1e99999999999999999999",
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
