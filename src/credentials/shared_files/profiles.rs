//! Parses the shared files, which have AWS's own format. The lines after the head of a section
//! belong to its profile, and an indented line continues the property before it. Error
//! sentences never show the content of a file, because a secret may be on the wrong line.
//!
//! The rules are those of `aws-runtime`, whose parser would add 0.06 MB. Native tests compare
//! this parser with it. Two rules are those of the AWS CLI, which writes the files. A profile
//! may have any name, and an invalid line matters only to those who use its profile.

use crate::text::quote;
use std::fmt;
use std::rc::Rc;

/// The profile that is used if none is selected.
pub(super) const DEFAULT: &str = "default";

/// The only characters that count as white space.
const BLANK: [char; 2] = [' ', '\t'];

/// The characters that begin a comment.
const COMMENT: [char; 2] = ['#', ';'];

/// The byte order mark that editors on Windows write at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The kind of the file, because the two files name profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Credentials,
}

/// An invalid line.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    path: Rc<str>,
    line: usize,
    why: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, why } = self;
        write!(f, "invalid file {}: line {line} {why}", quote(path))
    }
}

/// The profiles of both files, and the selected one.
pub(super) struct Profiles {
    selected: String,
    sections: Vec<Section>,
    /// The first invalid line outside any section.
    stray: Option<Fault>,
}

/// A profile, which consists of all sections with its name.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a> {
    name: &'a str,
    sections: &'a [Section],
}

#[derive(Default)]
struct Section {
    /// The name of its profile; none if the section is not a profile.
    name: Option<String>,
    /// True if its head has the prefix `profile`.
    prefixed: bool,
    /// The properties, with their names in lower case.
    properties: Vec<(String, String)>,
    /// True if the last property has nested properties on the lines below it.
    has_properties_below: bool,
    /// The first invalid line of the section.
    fault: Option<Fault>,
}

impl Profiles {
    pub(super) fn new(selected: Option<&str>) -> Self {
        Self {
            selected: selected.unwrap_or(DEFAULT).to_owned(),
            sections: Vec::new(),
            stray: None,
        }
    }

    /// Adds the profiles of the file at `path`. They override those that were added before.
    pub(super) fn add(&mut self, kind: Kind, path: &str, bytes: &[u8]) {
        let mut sections = self.read(kind, path, bytes);
        let is_default = |section: &Section| section.name.as_deref() == Some(DEFAULT);
        // `[profile default]` overrides `[default]`, in any order.
        if sections
            .iter()
            .any(|section| section.prefixed && is_default(section))
        {
            sections.retain(|section| section.prefixed || !is_default(section));
        }
        self.sections.append(&mut sections);
    }

    fn read(&mut self, kind: Kind, path: &str, bytes: &[u8]) -> Vec<Section> {
        let path: Rc<str> = path.into();
        let is_broken = std::str::from_utf8(bytes).is_err();
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        let mut sections: Vec<Section> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let fault = |why| Fault {
                path: Rc::clone(&path),
                line: index + 1,
                why,
            };
            if line.trim_matches(BLANK).is_empty() || line.starts_with(COMMENT) {
                continue;
            }
            if line.starts_with('[') {
                let section = head(line, is_broken).map(|head| Section::new(kind, head));
                sections.push(section.unwrap_or_else(|why| {
                    self.stray.get_or_insert_with(|| fault(why));
                    Section::default()
                }));
            } else if let Some(section) = sections.last_mut() {
                if let Err(why) = section.add(line, is_broken) {
                    section.fault.get_or_insert_with(|| fault(why));
                }
            } else {
                let broken = whole(line, is_broken).err();
                let why = broken.unwrap_or("is before the first `[section]`");
                self.stray.get_or_insert_with(|| fault(why));
            }
        }
        sections
    }

    /// Returns the name of the selected profile.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// Returns the profile of that name; none if it does not exist.
    ///
    /// # Errors
    ///
    /// The first invalid line of the profile.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Result<Option<Profile<'a>>, &'a Fault> {
        let profile = Profile {
            name,
            sections: &self.sections,
        };
        // The sections are in reverse order, so the first one comes last.
        match profile.sections().filter_map(|s| s.fault.as_ref()).last() {
            Some(fault) => Err(fault),
            None => Ok(profile.sections().next().map(|_| profile)),
        }
    }

    /// Returns the first invalid line outside any section. It may be the reason that a profile
    /// is missing.
    pub(super) fn stray(&self) -> Option<&Fault> {
        self.stray.as_ref()
    }
}

impl<'a> Profile<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Returns a property by its name in lower case. The last value counts.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.sections()
            .flat_map(|section| section.properties.iter().rev())
            .find_map(|(property, value)| (property == name).then_some(&**value))
    }

    /// Returns the sections of the profile, the last one first.
    fn sections(self) -> impl Iterator<Item = &'a Section> {
        let is_own = move |section: &&Section| section.name.as_deref() == Some(self.name);
        self.sections.iter().rev().filter(is_own)
    }
}

impl Section {
    fn new(kind: Kind, head: &str) -> Self {
        let (prefix, rest) = match head.split_once(BLANK) {
            Some((prefix, rest)) => (Some(prefix.trim()), rest.trim()),
            None => (None, head.trim()),
        };
        let name = match (kind, prefix) {
            (Kind::Config, Some("profile")) => word(rest),
            (Kind::Config, None) if rest == DEFAULT => Some(rest.to_owned()),
            (Kind::Config, _) => None,
            (Kind::Credentials, _) => Some(head.trim().to_owned()),
        };
        Self {
            name,
            prefixed: prefix.is_some(),
            ..Self::default()
        }
    }

    /// Adds a line, which is a property or continues the property before it.
    ///
    /// # Errors
    ///
    /// The fault of the line, without its content.
    fn add(&mut self, line: &str, is_broken: bool) -> Result<(), &'static str> {
        let content = line.trim_matches(BLANK);
        if !line.starts_with(BLANK) {
            let (name, value) = property(whole(without_comment(content, false), is_broken)?)?;
            self.has_properties_below = value.is_empty();
            let property = (name.to_ascii_lowercase(), value.to_owned());
            self.properties.push(property);
            return Ok(());
        }
        let (_, value) = self
            .properties
            .last_mut()
            .ok_or("is indented but does not follow a property")?;
        let content = whole(content, is_broken)?;
        if self.has_properties_below {
            property(without_comment(content, false))?;
        }
        value.push('\n');
        value.push_str(content);
        Ok(())
    }
}

/// Returns the text between a section's brackets.
fn head(line: &str, is_broken: bool) -> Result<&str, &'static str> {
    let head = whole(without_comment(line, true), is_broken)?
        .strip_prefix('[')
        .and_then(|head| head.strip_suffix(']'))
        .ok_or("starts a section but does not end with `]`")?;
    Ok(head.trim_matches(BLANK))
}

/// Returns `text`, unless the file `is_broken` and this part of it is not UTF-8.
fn whole(text: &str, is_broken: bool) -> Result<&str, &'static str> {
    if is_broken && text.contains(char::REPLACEMENT_CHARACTER) {
        Err("contains bytes that are not UTF-8")
    } else {
        Ok(text)
    }
}

/// Returns the name of a profile in the config file. It is one word as in a shell, so a name
/// with blanks is in quotes. Returns none if there are several words.
///
/// Source: `_parse_section` of botocore's `configloader.py`, with Python's
/// `shlex.split`.
fn word(text: &str) -> Option<String> {
    let mut word = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(begin), end) if begin == end => quote = None,
            (None, '\\') => word.push(rest.next()?),
            (Some('"'), '\\') => match rest.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            (None, c) if BLANK.contains(&c) => return None,
            (_, c) => word.push(c),
        }
    }
    quote.is_none().then_some(word)
}

/// Splits a line without its comment into name and value.
///
/// # Errors
///
/// The fault of the line, without its content.
fn property(line: &str) -> Result<(&str, &str), &'static str> {
    match line.split_once('=') {
        None => Err("has no `=`"),
        Some((name, value)) => match name.trim_matches(BLANK) {
            "" => Err("has no name before the `=`"),
            name => Ok((name, value.trim_matches(BLANK))),
        },
    }
}

/// Returns the line without its comment. A comment begins after white space, or `anywhere`.
fn without_comment(line: &str, anywhere: bool) -> &str {
    let mut begins = anywhere;
    let comment = line.find(|c: char| {
        let is_comment = begins && COMMENT.contains(&c);
        begins = anywhere || c.is_whitespace();
        is_comment
    });
    let end = comment.unwrap_or(line.len());
    line.get(..end).unwrap_or(line).trim_matches(BLANK)
}

#[cfg(test)]
mod parity;
