//! DynamoDB's limits with their sources, and the size of an item as DynamoDB counts it.
//!
//! Sources: [quotas] and [item sizes] in the DynamoDB Developer Guide.
//!
//! [quotas]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
//! [item sizes]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html

use crate::error::Error;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// Maximum length of a table's name, which may be its ARN, in characters.
/// Source: `TableName` of GetItem in the DynamoDB API reference.
pub const TABLE_NAME_CHARACTERS: usize = 1_024;

/// Maximum length of a partition key value, in bytes of UTF-8.
pub const PARTITION_KEY_BYTES: usize = 2_048;

/// Maximum length of an attribute name for the partition key or the time to live, in
/// characters.
/// Source: `AttributeName` of KeySchemaElement and TimeToLiveSpecification in the
/// DynamoDB API reference.
pub const CONFIGURED_NAME_CHARACTERS: usize = 255;

/// Maximum length of an attribute name, in bytes of UTF-8.
pub const ATTRIBUTE_NAME_BYTES: usize = 64 * 1_024 - 1;

/// Maximum size of an item, in bytes: attribute names and values together.
pub const ITEM_BYTES: usize = 400 * 1_024;

/// Maximum number of keys in one BatchGetItem.
pub const BATCH_GET_KEYS: usize = 100;

/// Maximum number of requests in one BatchWriteItem.
pub const BATCH_WRITE_REQUESTS: usize = 25;

/// Maximum size of the body of one BatchWriteItem, in bytes. DynamoDB accepts "up to 16MB of
/// data over the network". There an item may be larger than in storage, because it is "sent
/// in DynamoDB's JSON format". The margin of 1 MB leaves room for the headers, and is enough
/// even if AWS counts 10^6 bytes as 1 MB.
/// Source: BatchWriteItem in the DynamoDB API reference.
pub const BATCH_WRITE_BYTES: usize = 15 * 1_024 * 1_024;

/// Maximum number of operations in one TransactWriteItems.
pub const TRANSACTION_OPERATIONS: usize = 100;

/// Maximum size of all items of one transaction together, in bytes.
pub const TRANSACTION_BYTES: usize = 4 * 1_024 * 1_024;

/// Maximum number of nested levels of lists and maps within one attribute.
pub const NESTING_LEVELS: usize = 32;

/// Maximum number of significant digits of a number.
pub const NUMBER_DIGITS: usize = 38;

/// The decimal exponents of the smallest and the largest magnitude of a number, 1E-130 and
/// 9.99…E+125, written with one digit before the point.
pub const NUMBER_EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// The size of a number with one significant digit, in bytes.
pub const SMALLEST_NUMBER: usize = 2;

/// Refuses an item that exceeds DynamoDB's limit. `size` is the size from [`item_size`].
///
/// # Errors
///
/// `too-large`.
pub fn check_item_size(size: usize) -> Result<(), Error> {
    if size <= ITEM_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge(format!(
        "the item has {size} bytes including attribute names: DynamoDB takes at most {ITEM_BYTES}"
    )))
}

/// Returns the size of an item in bytes, as DynamoDB counts it against [`ITEM_BYTES`].
#[must_use]
pub fn item_size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

/// Returns the size of one attribute value, in bytes.
fn value_size(value: &AttributeValue) -> usize {
    /// The cost of a list or map, in addition to its members.
    const COLLECTION: usize = 3;
    /// The cost of each member of a list or map, in addition to its value.
    const MEMBER: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number_size(number),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|n| number_size(n)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|b| b.as_ref().len()).sum(),
        AttributeValue::L(members) => {
            COLLECTION
                + members
                    .iter()
                    .map(|m| MEMBER + value_size(m))
                    .sum::<usize>()
        }
        AttributeValue::M(members) => {
            COLLECTION
                + members
                    .iter()
                    .map(|(name, m)| MEMBER + name.len() + value_size(m))
                    .sum::<usize>()
        }
        // The SDK may add a type. Its size is unknown here, so DynamoDB must check it.
        _ => 0,
    }
}

/// Returns the size of a number in bytes. It is "approximately" one byte for every two
/// significant digits, plus one byte, and one more for a negative number. DynamoDB counts
/// at least this.
fn number_size(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    significant.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_size_counts_names_and_values() {
        let item = HashMap::from([
            ("key".to_owned(), AttributeValue::S("é".into())),
            ("value".to_owned(), AttributeValue::B(vec![0; 10].into())),
        ]);
        assert_eq!(item_size(&item), 3 + 2 + 5 + 10);
    }

    #[test]
    fn number_costs_half_its_significant_digits_plus_one() {
        assert_eq!(number_size("1700000000"), 2);
        assert_eq!(number_size("-12345"), 5);
        assert_eq!(number_size("0"), 1);
    }

    #[test]
    fn collection_costs_three_bytes_plus_one_per_member() {
        let list = AttributeValue::L(vec![
            AttributeValue::Bool(true),
            AttributeValue::S("ab".into()),
        ]);
        assert_eq!(value_size(&list), 3 + (1 + 1) + (1 + 2));
        let map = AttributeValue::M(HashMap::from([("n".to_owned(), list)]));
        assert_eq!(value_size(&map), 3 + 1 + 1 + 8);
    }
}
