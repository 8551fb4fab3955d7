//! The language of the shared files, which is AWS's own: what follows a section's
//! head is the profile's, and an indented line goes on with the property before
//! it. Nothing that a file holds is in a sentence: a secret may be on the wrong
//! line.
//!
//! The rules are those of `aws-runtime`, whose parser would add 0.06 MB; native
//! tests hold what is read here against it. Two are those of the AWS CLI, which
//! writes the files: a profile may have any name, and a line that cannot be read
//! matters only to those who use its profile.

use crate::text::quote;
use std::fmt;
use std::rc::Rc;

/// The profile that is read where none is named.
pub(super) const DEFAULT: &str = "default";

/// White space: no other characters are.
const BLANK: [char; 2] = [' ', '\t'];

/// The characters that begin a comment.
const COMMENT: [char; 2] = ['#', ';'];

/// The byte order mark that editors of Windows write first.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Which file it is: they name profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Credentials,
}

/// A line that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    path: Rc<str>,
    line: usize,
    why: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, why } = self;
        write!(f, "{} is not usable: line {line} {why}", quote(path))
    }
}

/// The profiles of the files, and the one that is asked for.
pub(super) struct Profiles {
    selected: String,
    sections: Vec<Section>,
    /// The first line that cannot be read and is in no section.
    stray: Option<Fault>,
}

/// A profile: all sections of its name.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a> {
    name: &'a str,
    sections: &'a [Section],
}

#[derive(Default)]
struct Section {
    /// None: it is not a profile's.
    name: Option<String>,
    /// True if its head says `profile`.
    prefixed: bool,
    /// Their names in lower case.
    properties: Vec<(String, String)>,
    /// The last property has properties of its own on the lines below it.
    has_properties_below: bool,
    /// The first line in it that cannot be read.
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

    /// Adds what the file at `path` says: it stands over what was added before.
    pub(super) fn add(&mut self, kind: Kind, path: &str, bytes: &[u8]) {
        let mut sections = self.read(kind, path, bytes);
        let is_default = |section: &Section| section.name.as_deref() == Some(DEFAULT);
        // `[profile default]` goes before `[default]`, wherever in the file they are.
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
                let why = broken.unwrap_or("stands before any `[section]`");
                self.stray.get_or_insert_with(|| fault(why));
            }
        }
        sections
    }

    /// The name of the profile that is asked for.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    /// The profile of that name; none where there is no such profile.
    ///
    /// # Errors
    ///
    /// The first line of it that cannot be read.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Result<Option<Profile<'a>>, &'a Fault> {
        let profile = Profile {
            name,
            sections: &self.sections,
        };
        // The first section comes last.
        match profile.sections().filter_map(|s| s.fault.as_ref()).last() {
            Some(fault) => Err(fault),
            None => Ok(profile.sections().next().map(|_| profile)),
        }
    }

    /// The first line that cannot be read and is in no section. Where a profile is
    /// missing, it may be why.
    pub(super) fn stray(&self) -> Option<&Fault> {
        self.stray.as_ref()
    }
}

impl<'a> Profile<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// A property by its name in lower case. The last one stands.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.sections()
            .flat_map(|section| section.properties.iter().rev())
            .find_map(|(property, value)| (property == name).then_some(&**value))
    }

    /// The last one first.
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

    /// Adds a line: a property, or one that goes on with the property before it.
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
            .ok_or("is indented and follows no property")?;
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
        .ok_or("begins a section and does not end with `]`")?;
    Ok(head.trim_matches(BLANK))
}

/// `text`, of a file that `is_broken`, unless a part of it could not be read.
fn whole(text: &str, is_broken: bool) -> Result<&str, &'static str> {
    if is_broken && text.contains(char::REPLACEMENT_CHARACTER) {
        Err("holds bytes that are not UTF-8")
    } else {
        Ok(text)
    }
}

/// The name of a profile in the config file: one word as a shell has it, so that a
/// name with blanks stands in quotes. None where it is several words.
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

/// Name and value of a line without its comment; else why there are none.
fn property(line: &str) -> Result<(&str, &str), &'static str> {
    match line.split_once('=') {
        None => Err("has no `=`"),
        Some((name, value)) => match name.trim_matches(BLANK) {
            "" => Err("has no name before the `=`"),
            name => Ok((name, value.trim_matches(BLANK))),
        },
    }
}

/// A comment begins after white space, or `anywhere`.
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
