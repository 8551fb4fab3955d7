//! Converts JSON to attribute values: string S, number N with every digit kept, bool, null,
//! array L, object M. A value that DynamoDB cannot hold is refused, and the error names the
//! path of the member. For example, a number with more than 38 digits is refused, because
//! digits would be lost.

use crate::error::Error;
use crate::limits::{ATTRIBUTE_NAME_BYTES, NESTING_LEVELS, NUMBER_DIGITS, NUMBER_EXPONENTS};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The byte order mark that some editors write at the start of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The longest part of a member's path that an error sentence quotes, in characters.
const QUOTED: usize = 200;

/// The JSON text of each member of an object, by name.
type Members<'a> = HashMap<String, &'a RawValue>;

/// Parses a JSON object as an item. A byte order mark before the object is skipped. If a
/// member's name repeats, the last member counts.
///
/// # Errors
///
/// `invalid-argument` if `data` is not a JSON object, or DynamoDB cannot hold a member.
pub fn item(data: &[u8]) -> Result<HashMap<String, AttributeValue>, Error> {
    let object = |found: &str| {
        Err(Error::InvalidArgument(format!(
            "the data is {found}: it must be a JSON object, whose members become attributes"
        )))
    };
    let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data);
    let text = match serde_json::from_slice::<&RawValue>(data) {
        Ok(text) => text.get(),
        Err(_) if data.trim_ascii().is_empty() => return object("empty"),
        Err(error) => return object(&format!("not valid JSON ({error})")),
    };
    match text.as_bytes().first() {
        Some(b'{') => match parse::<Members<'_>>(text, "")? {
            members if members.is_empty() => object("an empty JSON object"),
            members => attributes(members, "", 0),
        },
        Some(b'[') => object("a JSON array"),
        Some(b'"') => object("a JSON string"),
        Some(b't' | b'f') => object("a JSON boolean"),
        Some(b'n') => object("JSON null"),
        _ => object("a JSON number"),
    }
}

/// Converts one level of members. `path` leads to it, for error sentences.
fn attributes(
    members: Members<'_>,
    path: &str,
    level: usize,
) -> Result<HashMap<String, AttributeValue>, Error> {
    members
        .into_iter()
        .map(|(name, value)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            if name.is_empty() {
                return Err(refused(&path, "its name is empty"));
            }
            if name.len() > ATTRIBUTE_NAME_BYTES {
                let why = format!("its name has more than {ATTRIBUTE_NAME_BYTES} bytes");
                return Err(refused(&path, &why));
            }
            let value = attribute(value.get(), &path, level)?;
            Ok((name, value))
        })
        .collect()
}

/// Converts one value that is `level` lists and maps deep. The text is valid JSON, so its
/// first byte shows its kind.
fn attribute(text: &str, path: &str, level: usize) -> Result<AttributeValue, Error> {
    let deeper = || match level + 1 {
        level if level > NESTING_LEVELS => Err(refused(
            path,
            &format!("it is nested more than {NESTING_LEVELS} levels deep"),
        )),
        level => Ok(level),
    };
    Ok(match text.as_bytes().first() {
        Some(b'n') => AttributeValue::Null(true),
        Some(b't') => AttributeValue::Bool(true),
        Some(b'f') => AttributeValue::Bool(false),
        Some(b'"') => AttributeValue::S(parse(text, path)?),
        Some(b'[') => {
            let level = deeper()?;
            let members: Vec<&RawValue> = parse(text, path)?;
            let members = members.into_iter().enumerate();
            AttributeValue::L(
                members
                    .map(|(i, member)| attribute(member.get(), &format!("{path}[{i}]"), level))
                    .collect::<Result<_, _>>()?,
            )
        }
        Some(b'{') => {
            let level = deeper()?;
            AttributeValue::M(attributes(parse(text, path)?, path, level)?)
        }
        _ => AttributeValue::N(number(text).map_err(|why| refused(path, &why))?),
    })
}

/// Parses text that is known to be JSON. The only fault that is still possible is an escape
/// that is half a surrogate pair.
fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str, path: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        let path = if path.is_empty() { "(root)" } else { path };
        refused(path, &format!("it is not valid JSON ({error})"))
    })
}

/// Returns the error for a member. It quotes only the start of the path, because each level
/// of a path may have a name of up to 64 KB.
fn refused(path: &str, why: &str) -> Error {
    let start = path.chars().take(QUOTED).flat_map(char::escape_debug);
    let start: String = start.collect();
    let rest = if path.chars().nth(QUOTED).is_some() {
        "…"
    } else {
        ""
    };
    Error::InvalidArgument(format!("member `{start}{rest}`: {why}"))
}

/// Returns the text of a number if DynamoDB can hold it without loss.
///
/// # Errors
///
/// A sentence that says why DynamoDB cannot hold it.
fn number(text: &str) -> Result<String, String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (text, Some(0)),
    };
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        // The exponent of zero is dropped, because DynamoDB may refuse it.
        return Ok("0".to_owned());
    }
    if significant.len() > NUMBER_DIGITS {
        return Err(format!(
            "the number has {} significant digits, but DynamoDB keeps {NUMBER_DIGITS}: send it as a string to keep all digits",
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
            "the number is outside DynamoDB's range of 1E-130 to 9.99E+125: send it as a string"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(json: &str) -> Result<AttributeValue, Error> {
        item(format!(r#"{{"m":{json}}}"#).as_bytes()).map(|mut item| item.remove("m").unwrap())
    }

    fn sentence(result: Result<impl std::fmt::Debug, Error>) -> String {
        match result {
            Err(Error::InvalidArgument(sentence)) => sentence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_json_type_has_its_attribute_type() {
        let list = AttributeValue::L(vec![
            AttributeValue::S("a".into()),
            AttributeValue::Null(true),
        ]);
        let map = HashMap::from([("n".to_owned(), list.clone())]);
        for (json, attribute) in [
            (r#""text""#, AttributeValue::S("text".into())),
            (r#""""#, AttributeValue::S(String::new())),
            ("12.50", AttributeValue::N("12.50".into())),
            ("true", AttributeValue::Bool(true)),
            ("null", AttributeValue::Null(true)),
            (r#"["a",null]"#, list),
            (r#"{"n":["a",null]}"#, AttributeValue::M(map)),
            ("[]", AttributeValue::L(vec![])),
            ("{}", AttributeValue::M(HashMap::new())),
        ] {
            assert_eq!(one(json), Ok(attribute), "{json}");
        }
    }

    #[test]
    fn byte_order_mark_before_the_object_is_skipped() {
        let marked = |json: &str| item(format!("\u{feff}{json}").as_bytes());
        assert_eq!(marked(r#" {"m":1}"#), item(br#"{"m":1}"#));
        assert!(sentence(marked("")).contains("empty"));
        assert!(sentence(marked("\u{feff}{}")).contains("not valid JSON"));
        // Inside the object the mark is an ordinary character.
        assert_eq!(
            one("\"\u{feff}\""),
            Ok(AttributeValue::S("\u{feff}".into()))
        );
    }

    #[test]
    fn member_names_have_no_special_meaning() {
        for name in [
            "$serde_json::private::Number",
            "$serde_json::private::RawValue",
        ] {
            let map = one(&format!(r#"{{"{name}":"5"}}"#)).unwrap();
            assert_eq!(map.as_m().unwrap()[name], AttributeValue::S("5".into()));
        }
    }

    #[test]
    fn escapes_are_read_and_lone_surrogates_are_refused() {
        assert_eq!(
            one(r#""a\n\u00e9""#),
            Ok(AttributeValue::S("a\n\u{e9}".into()))
        );
        assert!(sentence(one(r#""\ud800""#)).contains("not valid JSON"));
    }

    #[test]
    fn name_of_64_kb_is_refused_and_quoted_in_part() {
        let sentence = sentence(item(
            format!(r#"{{"{}":1}}"#, "n".repeat(65_536)).as_bytes(),
        ));
        assert!(
            sentence.contains("65535 bytes") && sentence.len() < 300,
            "{sentence}"
        );
    }

    #[test]
    fn path_of_megabytes_is_quoted_in_part() {
        let name = "n".repeat(60_000);
        let nested = format!(r#"{{"{name}":{{"{name}":[1e999]}}}}"#);
        let sentence = sentence(item(nested.as_bytes()));
        assert!(sentence.starts_with("member `nnn") && sentence.len() < 400);
        assert!(sentence.contains("nnn…`: the number"), "{sentence}");
    }

    #[test]
    fn invalid_number_is_refused_by_its_path() {
        let sentence = sentence(item(br#"{"a":[{"b":1e126}]}"#));
        assert!(sentence.contains("`a[0].b`"), "{sentence}");
    }

    #[test]
    fn data_that_is_not_an_object_is_refused_by_its_type() {
        for (data, named) in [
            ("[1]", "a JSON array"),
            (r#""text""#, "a JSON string"),
            ("1", "a JSON number"),
            ("true", "a JSON boolean"),
            ("null", "null"),
            ("{}", "an empty JSON object"),
            ("", "empty"),
            ("text", "not valid JSON"),
            (r#"{"a":NaN}"#, "not valid JSON"),
            (r#"{"a":1} x"#, "not valid JSON"),
        ] {
            assert!(sentence(item(data.as_bytes())).contains(named), "{data}");
        }
        assert!(sentence(item(b"\xff")).contains("not valid JSON"));
        assert!(sentence(item(br#"{"":1}"#)).contains("name is empty"));
    }

    #[test]
    fn nesting_ends_at_32_levels() {
        let nested = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert!(one(&nested(32)).is_ok());
        assert!(sentence(one(&nested(33))).contains("32 levels"));
        assert!(sentence(one(&nested(5_000))).contains("32 levels"));
    }

    #[test]
    fn number_keeps_up_to_38_digits() {
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
    fn zero_with_any_exponent_is_zero() {
        for zero in ["0", "-0", "0.000", "0e999999999999"] {
            assert_eq!(number(zero).as_deref(), Ok("0"), "{zero}");
        }
    }

    #[test]
    fn number_outside_dynamodbs_limits_is_refused() {
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
