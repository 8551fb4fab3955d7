//! A value is a number that tells it from all others, and padding, so that values differ in length.

use fastrand::Rng;

/// The padding, in bytes, at most.
const PADDING: usize = 1000;
const END: char = ':';

pub(super) fn of(number: u64, die: &mut Rng) -> Vec<u8> {
    let padding = die.usize(..PADDING);
    format!("{number}{END}{:x<padding$}", "").into_bytes()
}

pub(super) fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let (number, padding) = text.split_once(END)?;
    let is_padding = padding.len() < PADDING && padding.bytes().all(|byte| byte == b'x');
    number.parse().ok().filter(|_| is_padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_its_value_and_from_nothing_else() {
        let mut die = Rng::with_seed(1);
        assert_eq!(number(&of(42, &mut die)), Some(42));
        assert_eq!(number(b"42"), None);
        assert_eq!(number(b"42:xxoxx"), None);
    }
}
