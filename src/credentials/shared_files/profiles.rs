//! The language of the shared files, which is AWS's own: what follows a section's
//! head is the profile's, and an indented line goes on with the property before
//! it. Nothing that a file holds is in a sentence: a secret may be on the wrong
//! line.
//!
//! The rules are those of `aws-runtime`, whose parser would add 0.06 MB; native
//! tests hold what is read here against it.

/// The profile that is read where none is named.
pub(super) const DEFAULT: &str = "default";

/// White space: no other characters are.
const BLANK: [char; 2] = [' ', '\t'];

/// What begins a comment.
const COMMENT: [char; 2] = ['#', ';'];

/// What a name has beside letters and digits.
const PUNCTUATION: &[u8] = b"_-/.%@:+";

/// Which file it is: they name profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Credentials,
}

/// What is wrong with a line, and its number.
pub(super) type Fault = (usize, &'static str);

/// What files say, and the profile that is asked for.
pub(super) struct Profiles {
    selected: String,
    sections: Vec<Section>,
}

/// A profile: all sections of its name.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a> {
    name: &'a str,
    sections: &'a [Section],
}

struct Section {
    /// None: it is not a profile's.
    name: Option<String>,
    /// Whether its head says `profile`.
    prefixed: bool,
    /// Their names in lower case.
    properties: Vec<(String, String)>,
}

impl Profiles {
    pub(super) fn new(selected: Option<&str>) -> Self {
        Self {
            selected: selected.unwrap_or(DEFAULT).to_owned(),
            sections: Vec::new(),
        }
    }

    /// Adds what a file says: it stands over what was added before.
    pub(super) fn add(&mut self, kind: Kind, text: &str) -> Result<(), Fault> {
        let mut sections = sections(kind, text)?;
        let is_default = |section: &Section| section.name.as_deref() == Some(DEFAULT);
        // `[profile default]` goes before `[default]`, wherever in the file they are.
        if sections
            .iter()
            .any(|section| section.prefixed && is_default(section))
        {
            sections.retain(|section| section.prefixed || !is_default(section));
        }
        self.sections.append(&mut sections);
        Ok(())
    }

    /// The name of the profile that is asked for.
    pub(super) fn selected(&self) -> &str {
        &self.selected
    }

    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<Profile<'a>> {
        let profile = Profile {
            name,
            sections: &self.sections,
        };
        profile.sections().next().map(|_| profile)
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

fn sections(kind: Kind, text: &str) -> Result<Vec<Section>, Fault> {
    let mut sections: Vec<Section> = Vec::new();
    let mut has_properties_below = false;
    for (index, line) in text.lines().enumerate() {
        let fault = |why| (index + 1, why);
        let content = line.trim_matches(BLANK);
        if content.is_empty() || line.starts_with(COMMENT) {
            continue;
        }
        if line.starts_with('[') {
            let head = without_comment(line, true)
                .strip_prefix('[')
                .and_then(|head| head.strip_suffix(']'))
                .ok_or_else(|| fault("begins a section and does not end with `]`"))?;
            sections.push(Section::new(kind, head));
            continue;
        }
        let section = sections
            .last_mut()
            .ok_or_else(|| fault("stands before any `[section]`"))?;
        if !line.starts_with(BLANK) {
            let (name, value) = property(content).map_err(fault)?;
            has_properties_below = value.is_empty();
            let property = (name.to_ascii_lowercase(), value.to_owned());
            section.properties.push(property);
            continue;
        }
        let (_, value) = section
            .properties
            .last_mut()
            .ok_or_else(|| fault("is indented and follows no property"))?;
        if has_properties_below {
            property(content).map_err(fault)?;
        }
        value.push('\n');
        value.push_str(content);
    }
    Ok(sections)
}

impl Section {
    fn new(kind: Kind, head: &str) -> Self {
        let head = head.trim_matches(BLANK);
        let (prefix, name) = match head.split_once(BLANK) {
            Some((prefix, name)) => (Some(prefix.trim()), name.trim()),
            None => (None, head.trim()),
        };
        let is_profile = match (kind, prefix) {
            (Kind::Config, Some(prefix)) => prefix == "profile",
            (Kind::Config, None) => name == DEFAULT,
            (Kind::Credentials, prefix) => prefix.is_none(),
        };
        let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte);
        let is_name = is_profile && name.bytes().all(is_sound);
        Self {
            name: is_name.then(|| name.to_owned()),
            prefixed: prefix.is_some(),
            properties: Vec::new(),
        }
    }
}

/// Name and value; else why there are none.
fn property(line: &str) -> Result<(&str, &str), &'static str> {
    match without_comment(line, false).split_once('=') {
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
