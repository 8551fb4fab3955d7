//! What a request to STS says: a form, whose texts are as the API reference allows them.

use std::borrow::Cow;

/// A form.
#[derive(Clone)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// What the body of a request says.
    pub fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        Self(
            pairs
                .map(|(name, text)| (name.into_owned(), text.into_owned()))
                .collect(),
        )
    }

    /// The text of this name; empty where it is missing.
    pub fn text(&self, name: &str) -> &str {
        let mut texts = self.0.iter().filter(|(known, _)| known == name);
        texts.next().map_or("", |(_, text)| text)
    }

    /// The names, in their order.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What is wrong with what both actions have in common.
    pub(super) fn check_role(&self) -> Result<(), &'static str> {
        let role = self.text("RoleArn");
        if !(20..=2048).contains(&role.len()) || !role.contains(":role/") {
            return Err("RoleArn is no role's");
        }
        let session = self.text("RoleSessionName");
        if !(2..=64).contains(&session.len()) || !session.chars().all(is_of_a_name) {
            return Err("RoleSessionName has not 2 to 64 characters of those that it may have");
        }
        let mut names = self.names();
        names.sort_unstable();
        match names
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one == other))
        {
            true => Err("a name is there twice"),
            false => Ok(()),
        }
    }

    /// The ARN of the session.
    pub(super) fn session_arn(&self) -> Cow<'_, str> {
        let arn = self.text("RoleArn").replacen(":iam:", ":sts:", 1);
        let arn = arn.replacen(":role/", ":assumed-role/", 1);
        Cow::Owned(format!("{arn}/{}", self.text("RoleSessionName")))
    }
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}
